//! The same programs on processes of their own, that are killed, stopped and started again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is missing")]

mod batches;
mod homebound;
mod microbatches;
mod output;
mod recovery;
mod streams;
