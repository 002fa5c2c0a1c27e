//! Functions of one's own: with state and timers per key, or with neither.
//!
//! Answers for setting the key, firing timers, and what a function may ask while it runs. Not for how state is kept:
//! that is [`millstream_dataflow::state::keyed`].
//! Holds: state and timers a function uses are those of the record's, or the timer's, key.

mod context;
mod keyed;
mod surroundings;
mod unkeyed;

pub use context::{Keyed, KeyedContext, OnTimerContext, ProcessContext};
pub use keyed::{ByKey, KeyedProcess, KeyedProcessFunction};
pub use surroundings::ProcessOperator;
pub use unkeyed::{Process, ProcessFunction, Unkeyed};
