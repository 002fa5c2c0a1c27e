//! The operator that gives records their times and emits watermarks.
//!
//! Watermarks are emitted behind each batch in which time advanced, rather than in intervals of a clock: a run over the
//! same batches makes the same watermarks.
//!
//! The watermark is in no checkpoint: what a generator has seen cannot be written down, and after a restore it begins
//! anew. Operators that judge records by event time (windows, keyed processes) keep how far it had come themselves, and
//! let no later watermark take that back.
//!
//! In batch mode there is no watermark but the last one: no record is late there, whatever the order of the input.

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Mode, Operator, OperatorContext, Output, Wakeup};
use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;

use super::{WatermarkGenerator, WatermarkStrategy};
use crate::clock::Clock;

/// Carries out a [`WatermarkStrategy`]. Watermarks from before it end here, except for the last one.
pub struct AssignTimestamps<T> {
    strategy: WatermarkStrategy<T>,
    generator: Option<Box<dyn WatermarkGenerator<T>>>,
    watermark: Timestamp,
    clock: Clock,
    wakeup: Wakeup,
    /// When to look whether there were records; a tick before it was asked for by another operator.
    due: Timestamp,
    /// Whether there was a record since the last look at the clock.
    is_active: bool,
    is_idle: bool,
    is_batch: bool,
}

impl<T> AssignTimestamps<T> {
    /// An operator for one subtask.
    pub fn new(strategy: WatermarkStrategy<T>) -> Self {
        let generator = strategy.generator.as_ref().map(|make| make());
        Self {
            strategy,
            generator,
            watermark: Timestamp::MIN,
            clock: Clock::default(),
            wakeup: Wakeup::default(),
            due: Timestamp::MAX,
            is_active: false,
            is_idle: false,
            is_batch: false,
        }
    }

    /// With another clock for idleness.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Looks at the clock again when the timeout, if there is one, is over.
    fn look_again(&mut self, now: impl FnOnce(&Clock) -> Timestamp) {
        if let (Some(timeout), false) = (self.strategy.idleness, self.is_batch) {
            self.due = now(&self.clock) + timeout;
            self.wakeup.request(self.due);
        }
    }
}

impl<T: 'static> Operator<T, T> for AssignTimestamps<T> {
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.wakeup = context.wakeup.clone();
        self.is_batch = context.mode == Mode::Batch;
        self.look_again(Clock::now);
        Ok(())
    }

    fn on_batch(&mut self, batch: &mut Batch<T>, output: &mut Output<T>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        if let Some(stamp) = &self.strategy.stamp {
            stamp(batch);
        } else if self.generator.is_some() && !batch.is_timed() {
            return Err(Failure::user("watermarks are to be made, but the records have no event time")
                .advice(
                    "say where it is: .with_timestamp_assigner(|record, _| ...) on the watermark strategy",
                ));
        }
        batch.drop_hashes();
        self.is_active = true;
        let was_idle = std::mem::take(&mut self.is_idle);
        if was_idle {
            self.look_again(Clock::now);
        }
        let mut advanced = false;
        if let (Some(generator), false) = (&mut self.generator, self.is_batch) {
            generator.on_batch(batch.records(), batch.times());
            if let Some(watermark) = generator.current_watermark().filter(|at| *at > self.watermark) {
                self.watermark = watermark;
                advanced = true;
            }
        }
        output.forward(batch);
        // After an idle time the old watermark is said again, so that those behind count this input again.
        if advanced || (was_idle && self.watermark > Timestamp::MIN) {
            output.emit_watermark(self.watermark);
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark: Timestamp, _: &mut Output<T>) -> Result<Option<Timestamp>> {
        Ok((watermark == Timestamp::MAX).then_some(watermark))
    }

    fn on_processing_time(&mut self, now: Timestamp, output: &mut Output<T>) -> Result<()> {
        if self.strategy.idleness.is_none() || self.is_idle || self.is_batch {
            return Ok(());
        }
        if now < self.due {
            self.wakeup.request(self.due);
        } else if std::mem::take(&mut self.is_active) {
            self.look_again(|_| now);
        } else {
            self.is_idle = true;
            output.emit_idle();
        }
        Ok(())
    }
}
