//! The commands of a cluster, with real processes of them: what they say, what they survive, and what they leave behind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what is no `#[test]` itself is called by tests only")]

mod batches;
mod faults;
mod flood;
mod jobs;
mod refusals;
mod secrets;
mod stage;
mod standby;
mod strangers;
mod upgrade;
