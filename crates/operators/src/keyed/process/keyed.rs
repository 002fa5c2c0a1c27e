//! The function with state and timers, and its operator.

use std::cell::RefCell;
use std::hash::Hash;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Barrier, Operator, OperatorContext, Output, SideOutputs, Wakeup};
use millstream_dataflow::state::keyed::{KeyedStore, TimeDomain};
use millstream_dataflow::state::{KeyData, OperatorSnapshot, StateError};
use millstream_model::error::{BoxError, Failure, Result};
use millstream_model::key::hash::hash_of;
use millstream_model::time::Timestamp;

use super::{KeyedContext, OnTimerContext};
use crate::clock::Clock;
use crate::keyed::key_functions;
use crate::step::user_failure;

/// A function over the records of each key, with state and timers.
pub trait KeyedProcessFunction<K, In, Out> {
    /// Called once, to declare states and keep their handles.
    ///
    /// # Errors
    /// What the function gives, such as a state's name that is taken.
    fn open(&mut self, states: &mut KeyedStore<K>) -> Result<(), BoxError> {
        let _ = states;
        Ok(())
    }

    /// Handles a record; state handles mean its key.
    ///
    /// # Errors
    /// What the function gives; the job fails with it.
    fn process(&mut self, record: In, context: &mut KeyedContext<'_, K, Out>) -> Result<(), BoxError>;

    /// Handles a timer that fires at `time`; state handles mean its key.
    ///
    /// # Errors
    /// As [`KeyedProcessFunction::process`].
    fn on_timer(
        &mut self,
        time: Timestamp,
        context: &mut OnTimerContext<'_, K, Out>,
    ) -> Result<(), BoxError> {
        let _ = (time, context);
        Ok(())
    }
}

/// Runs a [`KeyedProcessFunction`].
pub struct KeyedProcess<K, In, S, P> {
    select: Arc<S>,
    function: P,
    store: Option<KeyedStore<K>>,
    sides: Rc<RefCell<SideOutputs>>,
    clock: Clock,
    wakeup: Wakeup,
    watermark: Timestamp,
    records: PhantomData<fn(In)>,
}

impl<K, In, S, P> KeyedProcess<K, In, S, P> {
    /// An operator for one subtask: by the key that `select` finds, with the function that `make` makes.
    pub fn new(select: Arc<S>, make: impl FnOnce() -> P) -> Self {
        Self {
            select,
            function: make(),
            store: None,
            sides: Rc::default(),
            clock: Clock::default(),
            wakeup: Wakeup::default(),
            watermark: Timestamp::MIN,
            records: PhantomData,
        }
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

impl<K, In, S, P> KeyedProcess<K, In, S, P>
where
    K: KeyData + Hash,
    S: Fn(&In) -> K + Send + Sync,
{
    fn handle<Out>(
        &mut self,
        record: In,
        timestamp: Option<Timestamp>,
        known_hash: Option<u64>,
        output: &mut Output<Out>,
    ) -> Result<()>
    where
        P: KeyedProcessFunction<K, In, Out>,
    {
        let key = (self.select)(&record);
        let store = opened(&mut self.store)?;
        store.set_key(known_hash.unwrap_or_else(|| hash_of(&key)), &key).map_err(StateError::from)?;
        let mut context = KeyedContext {
            key: &key,
            timestamp,
            watermark: self.watermark,
            store,
            output,
            sides: &self.sides,
            clock: &self.clock,
            wakeup: &self.wakeup,
        };
        self.function.process(record, &mut context).map_err(user_failure)
    }

    fn fire<Out>(&mut self, domain: TimeDomain, up_to: Timestamp, output: &mut Output<Out>) -> Result<()>
    where
        P: KeyedProcessFunction<K, In, Out>,
    {
        let store = opened(&mut self.store)?;
        while let Some((key, time)) = store.fire_next(domain, up_to.millis()).map_err(StateError::from)? {
            let time = Timestamp::from_millis(time);
            let context = KeyedContext {
                key: &key,
                timestamp: (domain == TimeDomain::EventTime).then_some(time),
                watermark: self.watermark,
                store: &mut *store,
                output: &mut *output,
                sides: &self.sides,
                clock: &self.clock,
                wakeup: &self.wakeup,
            };
            let mut context = OnTimerContext { context, domain };
            self.function.on_timer(time, &mut context).map_err(user_failure)?;
        }
        store.unset_key();
        Ok(store.check()?)
    }

    fn wake_for_next(&self) {
        let next = self.store.as_ref().and_then(|store| store.next_timer(TimeDomain::ProcessingTime));
        if let Some(time) = next {
            self.wakeup.request(Timestamp::from_millis(time));
        }
    }
}

fn opened<K>(store: &mut Option<KeyedStore<K>>) -> Result<&mut KeyedStore<K>> {
    store.as_mut().ok_or_else(|| Failure::internal("a keyed process was used before it was opened"))
}

impl<K, In, Out, S, P> Operator<In, Out> for KeyedProcess<K, In, S, P>
where
    K: KeyData + Hash,
    S: Fn(&In) -> K + Send + Sync,
    P: KeyedProcessFunction<K, In, Out>,
{
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.wakeup = context.wakeup.clone();
        let mut store = KeyedStore::new(context.groups, context.max_parallelism, key_functions());
        self.function.open(&mut store).map_err(user_failure)?;
        store.restore(&mut context.restore)?;
        self.store = Some(store);
        self.wake_for_next();
        Ok(())
    }

    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        match (batch.is_timed(), batch.hashes().is_empty()) {
            (false, true) => {
                batch.drain().try_for_each(|record| self.handle(record, None, None, output))?;
            }
            (false, false) => batch
                .drain_hashed(|_| 0)
                .try_for_each(|(record, hash)| self.handle(record, None, Some(hash), output))?,
            (true, true) => batch
                .drain_timed()
                .try_for_each(|(record, time)| self.handle(record, Some(time), None, output))?,
            (true, false) => batch
                .drain_timed_hashed(|_| 0)
                .try_for_each(|((record, time), hash)| self.handle(record, Some(time), Some(hash), output))?,
        }
        let store = opened(&mut self.store)?;
        store.unset_key();
        Ok(store.check()?)
    }

    fn on_watermark(&mut self, watermark: Timestamp, output: &mut Output<Out>) -> Result<Option<Timestamp>> {
        self.watermark = self.watermark.max(watermark);
        self.fire(TimeDomain::EventTime, watermark, output)?;
        Ok(Some(watermark))
    }

    fn on_processing_time(&mut self, now: Timestamp, output: &mut Output<Out>) -> Result<()> {
        self.fire(TimeDomain::ProcessingTime, now, output)?;
        self.wake_for_next();
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, _: Barrier) -> Result<()> {
        snapshot.keyed.extend(opened(&mut self.store)?.freeze());
        Ok(())
    }
}
