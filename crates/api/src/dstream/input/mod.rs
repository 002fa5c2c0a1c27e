//! Where the records of a batch come from.
//!
//! Answers for the contract between an input and the batches: at each batch time an input gives its node the data set
//! of that batch. Not for when that is.
//! Holds: what an input gave to one batch it gives to no other.

mod blocks;
mod files;
mod queue;
mod receiver;

pub(super) use blocks::HoldLimits;
pub(super) use files::NewFiles;
pub(super) use queue::Queued;
pub use queue::{QueueMode, RddQueue};
pub(super) use receiver::{Receiver, ReceiverEvent, ReceiverEvents};

use millstream_model::error::Result;
use millstream_model::time::Timestamp;

use super::status::ReceiverStatus;

/// An input of a streaming program.
pub(super) trait Input: Send + Sync {
    /// The program starts.
    fn start(&self, events: &ReceiverEvents) -> Result<()>;

    /// Cuts the batch of `time`: the node gets its data set. Says how many records are known to be in it.
    fn cut(&self, time: Timestamp) -> Result<u64>;

    /// The batch of `time` is done.
    fn done(&self, time: Timestamp) {
        let _ = time;
    }

    /// Takes in nothing more. What was taken in stays to be cut; says whether there is any.
    fn stop(&self) -> bool {
        false
    }

    /// How the receiver is, if there is one.
    fn receiver(&self) -> Option<ReceiverStatus> {
        None
    }

    /// Waits until the receiver is as it should be.
    #[cfg(test)]
    fn wait_for_receiver(&self, wanted: &dyn Fn(&ReceiverStatus) -> bool) -> Option<ReceiverStatus> {
        let _ = wanted;
        None
    }
}
