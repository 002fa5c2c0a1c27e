//! Where the records of a batch come from, as data sets: what the engine's inputs take in is put into nodes.

mod queue;

pub(super) use queue::Queued;
pub use queue::{QueueMode, RddQueue};
