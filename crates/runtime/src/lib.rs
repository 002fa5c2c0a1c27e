//! How a job is run: subtasks, channels, checkpoints, stages.
//!
//! Answers for running a lineage of data sets stage by stage (`stage`), and for running a [`millstream_dataflow::graph::JobGraph`] inside this process: cutting it into chains, one
//! thread for each subtask, bounded channels between them, checkpoints and restarts. Not for what operators and
//! connectors do, nor for other processes.
//! Holds: between two subtasks nothing is unbounded; a failure is a value that names its operator; after `run` returns
//! no thread of the job is left, or the error says which.

pub mod channel;
pub mod control;
mod describe;
mod executor;
pub mod job;
pub mod log;
pub mod microbatch;
pub mod network;
pub mod plan;
pub mod settings;
mod site;
pub mod stage;
mod subtask;
mod sync;

pub use job::{JobHandle, JobResult, JobStatus, Metrics, OperatorCounts, start};
pub use settings::{CheckpointMode, CheckpointSettings, JobSettings, Restart, RestoreFrom, UnmatchedState};
