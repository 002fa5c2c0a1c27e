//! Where an operator emits its records.
//!
//! Answers for gathering records into batches and for handing full ones on. Not for choosing the receiver.
//! Holds: after a failure downstream nothing more is handed on, and [`Output::check`] tells of it.

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;

use super::{Control, Downstream};
use crate::batch::{Batch, DEFAULT_BATCH, Origin};

/// The output handle of an operator.
///
/// Emitting never fails: a failure further down is kept, the records behind it are dropped, and the driver of the
/// chain learns of it as soon as the operator returns.
pub struct Output<T> {
    batch: Batch<T>,
    limit: usize,
    downstream: Box<dyn Downstream<T>>,
    failure: Option<Failure>,
    origin: Option<Origin>,
    emitted: u64,
}

impl<T> Output<T> {
    /// An output into `downstream`, in batches of [`DEFAULT_BATCH`].
    pub fn new(downstream: Box<dyn Downstream<T>>) -> Self {
        Self::with_limit(downstream, DEFAULT_BATCH)
    }

    /// An output into `downstream`, in batches of at most `limit` records (at least one).
    pub fn with_limit(downstream: Box<dyn Downstream<T>>, limit: usize) -> Self {
        let limit = limit.max(1);
        Self { batch: Batch::default(), limit, downstream, failure: None, origin: None, emitted: 0 }
    }

    /// Emits a record that has no event time.
    #[inline]
    pub fn emit(&mut self, record: T) {
        self.batch.push(record);
        if self.batch.len() >= self.limit {
            self.flush();
        }
    }

    /// Emits a record with its event time.
    #[inline]
    pub fn emit_at(&mut self, record: T, time: Timestamp) {
        self.batch.push_at(record, time);
        if self.batch.len() >= self.limit {
            self.flush();
        }
    }

    /// Emits the records of a batch as they are, behind those emitted before, and leaves it empty.
    pub fn forward(&mut self, batch: &mut Batch<T>) {
        if !self.batch.is_empty() {
            self.flush();
        }
        if self.limit >= DEFAULT_BATCH || batch.len() <= self.limit {
            self.hand_on(batch);
        } else {
            while !batch.is_empty() {
                self.hand_on(&mut batch.take_front(self.limit));
            }
        }
        batch.clear();
    }

    /// Hands on what was gathered.
    #[inline]
    pub fn flush(&mut self) {
        if !self.batch.is_empty() {
            let mut batch = std::mem::take(&mut self.batch);
            batch.set_origin(self.origin.clone());
            self.hand_on(&mut batch);
            batch.clear();
            self.batch = batch;
        }
    }

    /// Emits a watermark behind the records emitted before. For operators that make watermarks; others let the
    /// chain pass on what comes.
    pub fn emit_watermark(&mut self, watermark: Timestamp) {
        self.control(&mut Control::Watermark(watermark));
    }

    /// Says that no record is expected for now.
    pub fn emit_idle(&mut self) {
        self.control(&mut Control::Idle);
    }

    /// Passes a control element on behind the records emitted before.
    pub fn control(&mut self, control: &mut Control<'_>) {
        self.flush();
        if self.failure.is_none() {
            self.failure = self.downstream.control(control).err();
        }
    }

    /// How many records were handed on.
    pub fn emitted(&self) -> u64 {
        self.emitted
    }

    /// The failure that struck further down, if there was one.
    ///
    /// # Errors
    /// That failure, once.
    pub fn check(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Says where in its source the records emitted from now on come from.
    pub(super) fn set_origin(&mut self, origin: Option<Origin>) {
        self.origin = origin;
    }

    pub(super) fn downstream(&mut self) -> &mut dyn Downstream<T> {
        &mut *self.downstream
    }

    fn hand_on(&mut self, batch: &mut Batch<T>) {
        if self.failure.is_none() && !batch.is_empty() {
            self.emitted += batch.len() as u64;
            self.failure = self.downstream.batch(batch).err();
        }
    }
}
