//! What every source and every sink must do, by the promise it declares.
//!
//! Answers for driving connectors as a runtime does, with a kill at every point where one can strike. Not for what is
//! special to one connector. The functions panic where a connector fails, as assertions do: they are for tests.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)] // It is a suite of assertions.

mod sinks;
mod sources;

pub use sinks::{check_sink, open_writer};
pub use sources::{Gather, Run, check_idle, check_source};
