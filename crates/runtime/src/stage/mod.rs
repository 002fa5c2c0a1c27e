//! Batch jobs: a lineage cut into stages at its shuffles, run as tasks on a pool of threads.
//!
//! ```text
//! action -> scheduler: which shuffle blocks are missing? -> map tasks, parents first -> result tasks
//!                                                              | blocks: ShuffleStore, CacheStore
//! ```
//!
//! Answers for the order of stages, for tasks that fail, for lost partitions, for where blocks are kept, and for jobs that
//! are told to stop. Not for what a data set computes (the lineage's nodes do).
//! Holds: only map tasks whose blocks are missing are run; a task is tried [`ATTEMPTS`] times, or once if its failure
//! would only come again, then the job fails with what the last attempt said, and none of its tasks runs on.

mod action;
mod cache;
mod claims;
mod counters;
mod engine;
mod fetch;
mod frames;
mod gate;
mod here;
mod jobs;
mod pool;
mod program;
mod progress;
mod reach;
mod scheduler;
mod shuffle;
mod task;
mod team;
#[cfg(test)]
mod tests;
mod there;

pub use action::ResultCodec;
pub use cache::CachedSize;
pub use counters::Counters;
pub use engine::{StageEngine, StageSettings};
pub use progress::StageProgress;
pub use task::ATTEMPTS;
