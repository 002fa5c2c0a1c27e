//! Operators with a value per key: folds, reductions, processes.
//!
//! Answers for state by key and for what is emitted of it. Not for bringing a key's records to one subtask: that is the
//! exchange's.
//! Holds: a key is hashed once, by the exchange or else here.

mod fold;
mod functions;
mod reduce;
mod table;

pub use fold::KeyedFold;
pub use functions::key_functions;
pub use reduce::KeyedReduce;
