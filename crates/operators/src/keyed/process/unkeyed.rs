//! The function without state, and its operator.

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Operator, OperatorContext, Output};
use millstream_model::error::{BoxError, Result};
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use super::ProcessContext;
use super::surroundings::ProcessOperator;
use crate::rejects::RecordPlace;

/// A function over records that emits as it likes, to side outputs too.
///
/// A text that it keeps for long in a field of its own is best kept [detached](millstream_model::text::Text::detach), or
/// it keeps the buffer alive that it was read into.
pub trait ProcessFunction<In, Out> {
    /// Handles a record.
    ///
    /// # Errors
    /// What the function gives. The job fails with it, or goes on without the record, as `.on_error(...)` says; what
    /// was emitted before the error stays.
    fn process(&mut self, record: In, context: &mut ProcessContext<'_, Out>) -> Result<(), BoxError>;
}

/// The work of a [`Process`].
pub struct Unkeyed<P> {
    function: P,
}

/// Runs a [`ProcessFunction`].
pub type Process<In, P> = ProcessOperator<In, Unkeyed<P>>;

impl<In: Record, P> Process<In, P> {
    /// An operator for one subtask, with the function that `make` makes.
    pub fn new(make: impl FnOnce() -> P) -> Self {
        Self::of(Unkeyed { function: make() })
    }
}

impl<In: Record, Out, P: ProcessFunction<In, Out>> Operator<In, Out> for Process<In, P> {
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.around.open(context);
        Ok(())
    }

    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        let (origin, is_timed) = (batch.origin().cloned(), batch.is_timed());
        for (index, (record, time)) in batch.drain_timed().enumerate() {
            let (kept, time) = (self.around.rejects.keep(&record), is_timed.then_some(time));
            let processed = self.work.function.process(record, &mut self.around.context(time, output, ()));
            if let Err(error) = processed {
                let place = RecordPlace { origin: origin.as_ref(), index, time };
                self.around.rejects.take(error, kept, &place)?;
            }
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark: Timestamp, _: &mut Output<Out>) -> Result<Option<Timestamp>> {
        Ok(Some(self.around.advance(watermark)))
    }
}
