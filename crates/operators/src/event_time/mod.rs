//! Event time: when a record happened, and how far time has come.
//!
//! Answers for the strategies and for the operator that carries them out. Not for joining the watermarks of several
//! inputs: that is the runtime's.
//! Holds: a watermark never goes back.

mod assign;
mod strategy;

pub use assign::AssignTimestamps;
pub use strategy::{WatermarkGenerator, WatermarkStrategy};
