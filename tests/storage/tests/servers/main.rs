//! Files and checkpoints in S3 and HDFS, against real servers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test ends where something is missing"
)]

mod checkpoints;
mod columns;
mod from_kafka;
mod independent;
mod kills;
mod leaders;
mod lines;
mod name_service;
mod outages;
mod own_hdfs;
mod own_s3;
mod own_service;
mod places;
mod races;
mod wrong;
