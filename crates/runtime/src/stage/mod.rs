//! Batch jobs: a lineage cut into stages at its shuffles, run as tasks on a pool of threads, or on the executors of a cluster.
//!
//! ```text
//! action -> program: alone, or the same one in several processes (leader, followers)
//!   -> scheduler: which shuffle blocks are missing? -> map tasks, parents first -> result tasks
//!        -> team: threads of this process (here), or executors (there)
//!             | blocks: ShuffleStore, CacheStore; those of other processes through reach and fetch
//! ```
//!
//! Answers for the order of stages, for tasks that fail, for lost partitions, for where tasks run and blocks are kept, and for
//! jobs that are told to stop. Not for what a data set computes (the lineage's nodes do).
//! Holds: only map tasks whose blocks are missing are run; a task is tried [`ATTEMPTS`] times, or once if its failure
//! would only come again, then the job fails with what the last attempt said, and none of its tasks runs on.

mod accumulator;
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
mod shipped;
mod shuffle;
mod speculation;
mod task;
mod team;
#[cfg(test)]
mod tests;
mod there;

pub use accumulator::Accumulator;
pub use action::ResultCodec;
pub use cache::CachedSize;
pub use counters::Counters;
pub use engine::{StageEngine, StageSettings};
pub use program::ProgramRole;
pub use progress::StageProgress;
pub use shipped::{Lender, Lends, Receive, Received};
pub use speculation::Speculation;
pub use task::ATTEMPTS;
