//! Standard input as a source and standard output as a sink, as in a pipe.
//!
//! Answers for lines from and to the programs at the other ends of the pipes. Not for output that is to be looked at: that is
//! `print`'s.
//! Holds: what was read from standard input is gone from there: a kill loses what is not processed yet.

mod feed;
mod input;
mod output;
pub mod settings;
#[cfg(test)]
mod tests;

pub use input::{StandardInput, StandardLines};
pub use output::StandardOutput;
