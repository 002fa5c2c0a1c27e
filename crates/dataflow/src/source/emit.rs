//! Where a reader emits its records.

use millstream_model::error::Result;
use millstream_model::time::Timestamp;

use crate::batch::Batch;
use crate::operator::{Control, Downstream};

/// The output handle of a source reader: takes whole batches.
pub struct SourceOutput<'a, T> {
    downstream: &'a mut dyn Downstream<T>,
    emitted: u64,
}

impl<'a, T> SourceOutput<'a, T> {
    /// An output into `downstream`.
    pub fn new(downstream: &'a mut dyn Downstream<T>) -> Self {
        Self { downstream, emitted: 0 }
    }

    /// Emits the records of a batch (set its origin, so that errors can say where a record stood), and leaves it empty.
    ///
    /// Move the position of the split behind the batch *before* the next poll returns.
    ///
    /// # Errors
    /// The failure of an operator behind; return it as it is.
    pub fn emit(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.emitted += batch.len() as u64;
        if batch.is_empty() {
            return Ok(());
        }
        let result = self.downstream.batch(batch);
        batch.clear();
        result
    }

    /// Emits a watermark behind the records emitted before, for a source that knows how far event time has come in each of
    /// its splits. Watermarks never go back.
    ///
    /// # Errors
    /// As [`SourceOutput::emit`].
    pub fn watermark(&mut self, time: Timestamp) -> Result<()> {
        self.downstream.control(&mut Control::Watermark(time))
    }

    /// Says that no record is expected for now, so that nobody waits for the event time of this subtask; the next watermark
    /// ends it.
    ///
    /// # Errors
    /// As [`SourceOutput::emit`].
    pub fn idle(&mut self) -> Result<()> {
        self.downstream.control(&mut Control::Idle)
    }

    /// How many records were emitted.
    pub fn emitted(&self) -> u64 {
        self.emitted
    }
}
