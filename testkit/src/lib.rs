//! What tests are built with: operator harness, connector conformance, kill runs.

pub mod broker;
pub mod cluster;
pub mod conformance;
pub mod harness;
pub mod kills;
