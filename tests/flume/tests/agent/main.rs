//! The Flume source and sink against real agents.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test ends where something is missing"
)]

mod job;
mod kills;
mod outages;
mod own_agent;
mod pull;
mod sink;
mod source;
mod to_kafka;
