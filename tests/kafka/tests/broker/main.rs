//! The Kafka source and sink against a real broker.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test ends where something is missing"
)]

mod avro;
mod cluster;
mod kills;
mod outages;
mod ranges;
mod secured;
mod sink;
mod source;
mod wrong;
