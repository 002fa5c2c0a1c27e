//! The service: a job manager and workers that run programs in many processes.
//!
//! Answers for who runs where: workers with slots, jobs with their masters and executors, the programs' binaries, and what
//! they print. Not for records nor for state: those are the programs' own (`millstream_runtime`).

pub mod blobs;
pub mod client;
pub mod dispatcher;
pub mod driver;
pub mod leadership;
pub mod manager;
pub mod output;
pub mod process;
pub mod rest;
pub mod secret;
mod wire;
pub mod worker;

pub use millstream_runtime::control::CheckpointRecord;
pub use millstream_runtime::log;
