//! The function without state, and its operator.

use std::cell::RefCell;
use std::rc::Rc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Operator, Output, OutputTag, SideOutputs};
use millstream_model::error::{BoxError, Result};
use millstream_model::time::Timestamp;

use crate::clock::Clock;
use crate::step::user_failure;

/// A function over records that emits as it likes, to side outputs too.
pub trait ProcessFunction<In, Out> {
    /// Handles a record.
    ///
    /// # Errors
    /// What the function gives; the job fails with it.
    fn process(&mut self, record: In, context: &mut ProcessContext<'_, Out>) -> Result<(), BoxError>;
}

/// The surroundings of one call.
pub struct ProcessContext<'a, Out> {
    timestamp: Option<Timestamp>,
    watermark: Timestamp,
    output: &'a mut Output<Out>,
    sides: &'a Rc<RefCell<SideOutputs>>,
    clock: &'a Clock,
}

impl<Out> ProcessContext<'_, Out> {
    /// The event time of the record, if it has one.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// How far event time has come; [`Timestamp::MIN`] before the first watermark.
    pub fn current_watermark(&self) -> Timestamp {
        self.watermark
    }

    /// The time on the clock.
    pub fn current_processing_time(&self) -> Timestamp {
        self.clock.now()
    }

    /// Emits a record with the time of the one that is handled.
    pub fn emit(&mut self, record: Out) {
        match self.timestamp {
            Some(time) => self.output.emit_at(record, time),
            None => self.output.emit(record),
        }
    }

    /// Emits a record to a side output.
    ///
    /// # Errors
    /// If the side output is read with another type.
    pub fn side<T: 'static>(&mut self, tag: &OutputTag<T>, record: T) -> Result<()> {
        self.sides.borrow_mut().emit(tag, record, self.timestamp)
    }
}

/// Runs a [`ProcessFunction`].
pub struct Process<P> {
    function: P,
    sides: Rc<RefCell<SideOutputs>>,
    clock: Clock,
    watermark: Timestamp,
}

impl<P> Process<P> {
    /// An operator for one subtask, with the function that `make` makes.
    pub fn new(make: impl FnOnce() -> P) -> Self {
        Self { function: make(), sides: Rc::default(), clock: Clock::default(), watermark: Timestamp::MIN }
    }

    /// With side outputs, which the link shares.
    #[must_use]
    pub fn with_sides(mut self, sides: Rc<RefCell<SideOutputs>>) -> Self {
        self.sides = sides;
        self
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

impl<P> Process<P> {
    fn handle<In, Out>(
        &mut self,
        record: In,
        timestamp: Option<Timestamp>,
        output: &mut Output<Out>,
    ) -> Result<()>
    where
        P: ProcessFunction<In, Out>,
    {
        let (watermark, sides, clock) = (self.watermark, &self.sides, &self.clock);
        let mut context = ProcessContext { timestamp, watermark, output, sides, clock };
        self.function.process(record, &mut context).map_err(user_failure)
    }
}

impl<In, Out, P: ProcessFunction<In, Out>> Operator<In, Out> for Process<P> {
    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        if batch.is_timed() {
            batch.drain_timed().try_for_each(|(record, time)| self.handle(record, Some(time), output))
        } else {
            batch.drain().try_for_each(|record| self.handle(record, None, output))
        }
    }

    fn on_watermark(&mut self, watermark: Timestamp, _: &mut Output<Out>) -> Result<Option<Timestamp>> {
        self.watermark = self.watermark.max(watermark);
        Ok(Some(watermark))
    }
}
