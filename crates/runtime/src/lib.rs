//! How a job is run: subtasks, channels, checkpoints, stages.

pub mod stage;
