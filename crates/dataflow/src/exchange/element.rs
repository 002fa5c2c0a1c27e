//! What a channel carries.

use std::any::Any;
use std::fmt;

use millstream_model::error::Result;
use millstream_model::time::Timestamp;

use crate::batch::Batch;
use crate::operator::Barrier;

/// A batch whose record type only its two ends know.
pub struct AnyBatch {
    len: usize,
    batch: Box<dyn Any + Send>,
}

impl AnyBatch {
    /// Hides the type of a batch.
    pub fn new<T: Send + 'static>(batch: Batch<T>) -> Self {
        Self { len: batch.len(), batch: Box::new(batch) }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The batch again, if its records are of type `T`.
    pub fn downcast<T: 'static>(self) -> Option<Box<Batch<T>>> {
        self.batch.downcast().ok()
    }

    /// The batch, to be looked at, if its records are of type `T`.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&Batch<T>> {
        self.batch.downcast_ref()
    }
}

impl fmt::Debug for AnyBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyBatch").field("len", &self.len).finish_non_exhaustive()
    }
}

/// One element of a channel: records, or a control element among them.
#[derive(Debug)]
pub enum Element {
    /// Records.
    Batch(AnyBatch),
    /// No record of this time or before follows on this channel.
    Watermark(Timestamp),
    /// No record is expected for now.
    Idle,
    /// The cut of a checkpoint.
    Barrier(Barrier),
    /// No record follows; barriers may.
    End,
}

/// The sending side of one channel.
pub trait ChannelSender {
    /// Sends behind all that was sent before; blocks while the channel is full.
    ///
    /// # Errors
    /// [`millstream_model::error::Failure::cancelled`] when the job stops.
    fn send(&mut self, element: Element) -> Result<()>;
}
