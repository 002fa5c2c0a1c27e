//! What a running job does when something is slow, fails, or is told to end.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod at_least_once;
mod checkpoints;
mod gate;
mod handles;
mod interrupts;
mod late;
mod restarts;
