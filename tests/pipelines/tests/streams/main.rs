//! The DataStream face as a user meets it: which subtask gets what, what comes out, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod aggregates;
mod errors;
mod event_time;
mod growing;
mod handle;
mod names;
mod own;
mod partitioning;
mod plan;
mod processes;
mod windows;

use millstream::state::StateData;
use millstream::{DataStream, Failure, StreamEnvironment};

/// The records of a stream, sorted.
fn sorted<T: Ord + StateData>(stream: &DataStream<T>) -> Vec<T> {
    let mut found = stream.execute_and_collect("test").unwrap();
    found.sort();
    found
}

/// What a job that cannot end well says.
fn refusal(env: &StreamEnvironment) -> String {
    env.execute("refused").err().as_ref().map(Failure::to_string).unwrap()
}
