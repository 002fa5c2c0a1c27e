//! What a keyed function may ask and do while it handles a record or a timer.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use millstream_dataflow::operator::{Output, OutputTag, SideOutputs, Wakeup};
use millstream_dataflow::state::KeyData;
use millstream_dataflow::state::keyed::{KeyedStore, TimeDomain};
use millstream_model::error::Result;
use millstream_model::time::Timestamp;

use crate::clock::Clock;

/// The surroundings of one call.
pub struct KeyedContext<'a, K, Out> {
    pub(super) key: &'a K,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) watermark: Timestamp,
    pub(super) store: &'a mut KeyedStore<K>,
    pub(super) output: &'a mut Output<Out>,
    pub(super) sides: &'a Rc<RefCell<SideOutputs>>,
    pub(super) clock: &'a Clock,
    pub(super) wakeup: &'a Wakeup,
}

impl<K: KeyData, Out> KeyedContext<'_, K, Out> {
    /// The key of the record or timer.
    pub fn key(&self) -> &K {
        self.key
    }

    /// The event time of the record, if it has one; for a timer in event time, the timer's.
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

    /// Asks for a call when the watermark has come to `time`; false where the key has asked for that already.
    pub fn register_event_time_timer(&mut self, time: Timestamp) -> bool {
        self.store.register_timer(TimeDomain::EventTime, time.millis())
    }

    /// Takes that back; false where it was not asked for.
    pub fn delete_event_time_timer(&mut self, time: Timestamp) -> bool {
        self.store.delete_timer(TimeDomain::EventTime, time.millis())
    }

    /// Asks for a call when the clock has come to `time`; false where the key has asked for that already.
    pub fn register_processing_time_timer(&mut self, time: Timestamp) -> bool {
        self.wakeup.request(time);
        self.store.register_timer(TimeDomain::ProcessingTime, time.millis())
    }

    /// Takes that back; false where it was not asked for.
    pub fn delete_processing_time_timer(&mut self, time: Timestamp) -> bool {
        self.store.delete_timer(TimeDomain::ProcessingTime, time.millis())
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

/// The surroundings of a timer that fires; all of [`KeyedContext`], and which clock it went by.
pub struct OnTimerContext<'a, K, Out> {
    pub(super) context: KeyedContext<'a, K, Out>,
    pub(super) domain: TimeDomain,
}

impl<K, Out> OnTimerContext<'_, K, Out> {
    /// Event time or processing time.
    pub fn time_domain(&self) -> TimeDomain {
        self.domain
    }
}

impl<'a, K, Out> Deref for OnTimerContext<'a, K, Out> {
    type Target = KeyedContext<'a, K, Out>;

    fn deref(&self) -> &Self::Target {
        &self.context
    }
}

impl<K, Out> DerefMut for OnTimerContext<'_, K, Out> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.context
    }
}
