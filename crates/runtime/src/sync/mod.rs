//! What the threads of a job meet at: locks, channels of commands and messages, threads, and the clock they wait by.
//!
//! Answers for the one place where the model checker takes the place of the operating system: with the feature `model`,
//! in this crate's own tests, all of these are shuttle's, which runs one thread at a time and chooses at each step
//! which. Not for what is built of them.
//! Holds: code above it is the same in both; whoever waits until a time is told in both when the time has come.

#[cfg(test)]
#[cfg(feature = "model")]
mod model;
#[cfg(not(all(test, feature = "model")))]
mod system;

#[cfg(all(test, feature = "model"))]
pub(crate) use model::*;
#[cfg(not(all(test, feature = "model")))]
pub(crate) use system::*;
