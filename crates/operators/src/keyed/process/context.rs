//! What a function of the user's may ask and do while it handles a record or a timer.
//!
//! One type serves all functions, so that what they share is there once and is called directly: a method that was reached
//! through a `Deref` could not be given another one's result, as in `context.emit(*context.key())`.
//! Holds: what is emitted has the time of the record, or of the event-time timer, that is handled.

use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{Output, OutputTag, Wakeup};
use millstream_dataflow::state::KeyData;
use millstream_dataflow::state::keyed::{KeyedStore, TimeDomain};
use millstream_model::error::Result;
use millstream_model::id::Subtask;
use millstream_model::time::Timestamp;

use crate::clock::Clock;

/// The surroundings of one call. `Kind` tells what else there is: nothing, a key ([`KeyedContext`]), or a key and a timer
/// ([`OnTimerContext`]).
pub struct ProcessContext<'a, Out, Kind = ()> {
    pub(super) timestamp: Option<Timestamp>,
    pub(super) watermark: Timestamp,
    pub(super) subtask: Subtask,
    pub(super) output: &'a mut Output<Out>,
    pub(super) sides: &'a SharedSides,
    pub(super) clock: &'a Clock,
    pub(super) kind: Kind,
}

/// The surroundings of one call for a record with a key.
pub type KeyedContext<'a, K, Out> = ProcessContext<'a, Out, Keyed<'a, K>>;

/// The surroundings of a timer that fires, with the clock it went by.
pub type OnTimerContext<'a, K, Out> = ProcessContext<'a, Out, Keyed<'a, K, TimeDomain>>;

/// The key of a call, with its state and timers; `Domain` is the clock of the timer that fires, if it is one.
pub struct Keyed<'a, K, Domain = ()> {
    pub(super) key: &'a K,
    pub(super) store: &'a mut KeyedStore<K>,
    pub(super) wakeup: &'a Wakeup,
    pub(super) domain: Domain,
}

impl<Out, Kind> ProcessContext<'_, Out, Kind> {
    /// The event time of the record, if it has one; for a timer in event time, the timer's.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// How far event time has come; [`Timestamp::MIN`] before the first watermark. With keyed state it is kept in
    /// checkpoints, so that what was late before a restore is late after it; without, it begins anew.
    pub fn current_watermark(&self) -> Timestamp {
        self.watermark
    }

    /// Which of the operator's subtasks runs the function.
    pub fn subtask(&self) -> Subtask {
        self.subtask
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

impl<'a, K: KeyData, Out, Domain> ProcessContext<'a, Out, Keyed<'a, K, Domain>> {
    /// The key of the record or timer.
    pub fn key(&self) -> &K {
        self.kind.key
    }

    /// Asks for a call when the watermark has come to `time`; false where the key has asked for that already.
    pub fn register_event_time_timer(&mut self, time: Timestamp) -> bool {
        self.kind.store.register_timer(TimeDomain::EventTime, time.millis())
    }

    /// Takes that back; false where it was not asked for.
    pub fn delete_event_time_timer(&mut self, time: Timestamp) -> bool {
        self.kind.store.delete_timer(TimeDomain::EventTime, time.millis())
    }

    /// Asks for a call when the clock has come to `time`; false where the key has asked for that already.
    pub fn register_processing_time_timer(&mut self, time: Timestamp) -> bool {
        self.kind.wakeup.request(time);
        self.kind.store.register_timer(TimeDomain::ProcessingTime, time.millis())
    }

    /// Takes that back; false where it was not asked for.
    pub fn delete_processing_time_timer(&mut self, time: Timestamp) -> bool {
        self.kind.store.delete_timer(TimeDomain::ProcessingTime, time.millis())
    }
}

impl<K, Out> OnTimerContext<'_, K, Out> {
    /// Event time or processing time.
    pub fn time_domain(&self) -> TimeDomain {
        self.kind.domain
    }
}
