//! Where the records of a batch come from, as data sets: what the engine's inputs take in is put into nodes.

#[cfg(feature = "kafka")]
mod kafka;
mod queue;

#[cfg(feature = "kafka")]
pub use kafka::BatchOffsets;
pub(super) use queue::Queued;
pub use queue::{QueueMode, RddQueue};
