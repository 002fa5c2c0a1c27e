//! Operators with a value per key: folds, reductions, processes.
//!
//! Answers for state by key and for what is emitted of it. Not for bringing a key's records to one subtask: that is the
//! exchange's.
//! Holds: a key is hashed once, by the exchange or else here.

mod fold;
mod functions;
pub mod process;
mod reduce;
mod table;

pub use fold::KeyedFold;
pub use functions::key_functions;
pub use process::{
    Keyed, KeyedContext, KeyedProcess, KeyedProcessFunction, OnTimerContext, Process, ProcessContext,
    ProcessFunction,
};
pub use reduce::KeyedReduce;
