//! The Kafka source and sink against a real broker.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test ends where something is missing"
)]

mod cluster;
mod kills;
mod outages;
mod own_broker;
mod ranges;
mod secured;
mod sink;
mod source;
mod wrong;
