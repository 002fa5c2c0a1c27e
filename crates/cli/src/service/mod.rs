//! The commands that stay: job manager, worker, and both of them on one machine.
//!
//! Answers for their settings, their log, and how they end. What they do is in `millstream_cluster`.
//! Holds: nothing listens beyond the loopback interface without encryption, unless that was said, nor for callers that have
//! neither a certificate nor a token.

pub(crate) mod certs;
mod local;
mod logs;
mod manager;
mod stop;
pub(crate) mod token;
mod worker;

pub(crate) use local::{LocalCluster, start as local_cluster};
pub(crate) use manager::{JobManager, start as jobmanager};
pub(crate) use worker::{Worker, start as worker};
