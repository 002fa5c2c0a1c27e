//! What tests are built with: operator harness, connector conformance, kill runs.

pub mod conformance;
pub mod harness;
