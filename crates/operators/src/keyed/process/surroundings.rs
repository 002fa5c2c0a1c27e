//! What every process operator has, with a key or without: side outputs, a clock, a watermark, a way with errors.

use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{OperatorContext, Output};
use millstream_model::id::Subtask;
use millstream_model::time::Timestamp;

use super::ProcessContext;
use crate::clock::Clock;
use crate::rejects::Rejects;

/// The parts of a process operator that have nothing to do with its key.
pub(super) struct Surroundings<In> {
    pub(super) rejects: Rejects<In>,
    pub(super) clock: Clock,
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
    /// With the side outputs that the link shares.
    pub(super) fn set_sides(&mut self, sides: SharedSides) {
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
