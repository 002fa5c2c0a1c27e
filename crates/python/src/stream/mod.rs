//! Streams whose functions are Python's: the engine's graph, run as it runs every other.
//!
//! What flows is a `Chunk`: a run of records. A *stretch* (`stretch`) is the one operator that runs Python: all functions
//! between two exchanges, over a chunk at a time, in this interpreter (`here`) or in a worker (`there`, whose other end is
//! `serve`). What its functions keep by key is written through into the engine's own keyed state (`keyed`) at each
//! barrier.
//!
//! Answers for what is between the engine and `millstream._stream`. Not for what an operation does: that is Python.
//! Holds: the interpreter is taken once for a chunk; checkpoints, restarts, watermarks and timers are the engine's.

mod bytes;
mod chunk;
mod chunked;
mod collect;
mod counts;
mod fault;
mod files;
mod here;
mod job;
mod kafka;
mod keyed;
mod plan;
mod print;
mod seat;
mod serve;
mod source;
mod standard_input;
mod stretch;
mod texts;
mod there;
mod workers;

pub(crate) use fault::{raised, told};
pub(crate) use job::PyStreamJob;
pub(crate) use plan::PyStreamPlan;
pub(crate) use serve::serve_streams;
