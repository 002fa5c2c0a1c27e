//! What every process operator has, with a key or without: side outputs, a clock, a watermark, a way with errors.
//!
//! Holds: what can be given to both kinds of operator is given here, once.

use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{OperatorContext, Output};
use millstream_model::id::Subtask;
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use super::ProcessContext;
use crate::clock::Clock;
use crate::rejects::Rejects;

/// A process operator: `Work` is the function and what it needs, `In` the type of its records.
///
/// Its names for users are [`Process`](super::Process) and [`KeyedProcess`](super::KeyedProcess).
pub struct ProcessOperator<In, Work> {
    pub(super) work: Work,
    pub(super) around: Surroundings<In>,
}

impl<In: Record, Work> ProcessOperator<In, Work> {
    pub(super) fn of(work: Work) -> Self {
        Self { work, around: Surroundings::default() }
    }

    /// With side outputs, which the link shares.
    #[must_use]
    pub fn with_sides(mut self, sides: SharedSides) -> Self {
        self.around.set_sides(sides);
        self
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.around.clock = clock;
        self
    }
}

/// The parts of a process operator that have nothing to do with its key.
pub(super) struct Surroundings<In> {
    pub(super) rejects: Rejects<In>,
    clock: Clock,
    pub(super) watermark: Timestamp,
    subtask: Subtask,
    sides: SharedSides,
}

impl<In> Default for Surroundings<In> {
    fn default() -> Self {
        Self {
            rejects: Rejects::default(),
            clock: Clock::default(),
            watermark: Timestamp::MIN,
            subtask: Subtask { index: 0, of: 1 },
            sides: SharedSides::default(),
        }
    }
}

impl<In: Clone + 'static> Surroundings<In> {
    fn set_sides(&mut self, sides: SharedSides) {
        self.rejects.set_sides(sides.clone());
        self.sides = sides;
    }

    /// Takes from the operator's context what belongs here.
    pub(super) fn open(&mut self, context: &OperatorContext<'_>) {
        self.rejects.open(context);
        self.subtask = context.subtask;
    }

    /// A watermark has come; gives how far event time has come with it.
    pub(super) fn advance(&mut self, watermark: Timestamp) -> Timestamp {
        self.watermark = self.watermark.max(watermark);
        self.watermark
    }
}

impl<In> Surroundings<In> {
    /// The context of one call.
    pub(super) fn context<'a, Out, Kind>(
        &'a self,
        timestamp: Option<Timestamp>,
        output: &'a mut Output<Out>,
        kind: Kind,
    ) -> ProcessContext<'a, Out, Kind> {
        ProcessContext {
            timestamp,
            watermark: self.watermark,
            subtask: self.subtask,
            output,
            sides: &self.sides,
            clock: &self.clock,
            kind,
        }
    }
}
