//! The function with state and timers, and its operator.

use std::hash::Hash;
use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Barrier, Operator, OperatorContext, Output, Wakeup};
use millstream_dataflow::state::keyed::{KeyedStore, TimeDomain};
use millstream_dataflow::state::restore::Redistribution;
use millstream_dataflow::state::snapshot::OperatorPart;
use millstream_dataflow::state::{Detacher, KeyData, OperatorSnapshot, StateError};
use millstream_model::error::{BoxError, Failure, Result};
use millstream_model::key::hash::hash_of;
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use super::context::Keyed;
use super::surroundings::ProcessOperator;
use super::{KeyedContext, OnTimerContext};
use crate::keyed::key_functions;
use crate::rejects::{RecordPlace, user_failure};

/// The name of the watermark in a snapshot.
const WATERMARK: &str = "watermark";

/// A function over the records of each key, with state and timers.
///
/// What it keeps in fields of its own is in no checkpoint. A text that it keeps there for long is best kept
/// [detached](millstream_model::text::Text::detach), or it keeps the buffer alive that it was read into; what goes into
/// states is detached in any case.
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
    /// What the function gives. The job fails with it, or goes on without the record, as `.on_error(...)` says; what
    /// was emitted or written to state before the error stays.
    fn process(&mut self, record: In, context: &mut KeyedContext<'_, K, Out>) -> Result<(), BoxError>;

    /// Handles a timer that fires at `time`; state handles mean its key.
    ///
    /// # Errors
    /// What the function gives; the job fails with it, whatever `.on_error(...)` says, since it is about no record.
    fn on_timer(
        &mut self,
        time: Timestamp,
        context: &mut OnTimerContext<'_, K, Out>,
    ) -> Result<(), BoxError> {
        let _ = (time, context);
        Ok(())
    }
}

/// The work of a [`KeyedProcess`].
pub struct ByKey<K, S, P> {
    select: Arc<S>,
    function: P,
    store: Option<KeyedStore<K>>,
    wakeup: Wakeup,
    /// Keeps records from holding on to the read buffers that their texts are views of, where a state may keep text.
    detacher: Detacher,
}

/// Runs a [`KeyedProcessFunction`].
///
/// Besides the function's states and timers it keeps the watermark, so that a function that asks for it sees after a
/// restore what it would have seen without.
///
/// Where one of the states may hold text, the function is given records whose texts have let go of the buffers that
/// they were read into ([`Detacher`]): whatever it puts into a state in whatever way keeps no more alive than a record's
/// own text.
pub type KeyedProcess<K, In, S, P> = ProcessOperator<In, ByKey<K, S, P>>;

impl<K, In: Record, S, P> KeyedProcess<K, In, S, P> {
    /// An operator for one subtask: by the key that `select` finds, with the function that `make` makes.
    pub fn new(select: Arc<S>, make: impl FnOnce() -> P) -> Self {
        let (store, wakeup) = (None, Wakeup::default());
        Self::of(ByKey { select, function: make(), store, wakeup, detacher: Detacher::none() })
    }
}

impl<K, In, S, P> KeyedProcess<K, In, S, P>
where
    K: KeyData + Hash,
    In: Record,
    S: Fn(&In) -> K + Send + Sync,
{
    fn handle<Out>(
        &mut self,
        record: In,
        known_hash: Option<u64>,
        place: &RecordPlace<'_>,
        output: &mut Output<Out>,
    ) -> Result<()>
    where
        P: KeyedProcessFunction<K, In, Out>,
    {
        let key = (self.work.select)(&record);
        let store = opened(&mut self.work.store)?;
        store.set_key(known_hash.unwrap_or_else(|| hash_of(&key)), &key).map_err(StateError::from)?;
        let kept = self.around.rejects.keep(&record);
        let record = self.work.detacher.own(record);
        let keyed = Keyed { key: &key, store, wakeup: &self.work.wakeup, domain: () };
        let mut context = self.around.context(place.time, output, keyed);
        match self.work.function.process(record, &mut context) {
            Ok(()) => Ok(()),
            Err(error) => self.around.rejects.take(error, kept, place),
        }
    }

    fn fire<Out>(&mut self, domain: TimeDomain, up_to: Timestamp, output: &mut Output<Out>) -> Result<()>
    where
        P: KeyedProcessFunction<K, In, Out>,
    {
        let store = opened(&mut self.work.store)?;
        while let Some((key, time)) = store.fire_next(domain, up_to.millis()).map_err(StateError::from)? {
            let time = Timestamp::from_millis(time);
            let event_time = (domain == TimeDomain::EventTime).then_some(time);
            let keyed = Keyed { key: &key, store: &mut *store, wakeup: &self.work.wakeup, domain };
            let mut context = self.around.context(event_time, output, keyed);
            self.work.function.on_timer(time, &mut context).map_err(user_failure)?;
        }
        store.unset_key();
        Ok(store.check()?)
    }

    fn wake_for_next(&self) {
        let next = self.work.store.as_ref().and_then(|store| store.next_timer(TimeDomain::ProcessingTime));
        if let Some(time) = next {
            self.work.wakeup.request(Timestamp::from_millis(time));
        }
    }
}

fn opened<K>(store: &mut Option<KeyedStore<K>>) -> Result<&mut KeyedStore<K>> {
    store.as_mut().ok_or_else(|| Failure::internal("a keyed process was used before it was opened"))
}

impl<K, In, Out, S, P> Operator<In, Out> for KeyedProcess<K, In, S, P>
where
    K: KeyData + Hash,
    In: Record,
    S: Fn(&In) -> K + Send + Sync,
    P: KeyedProcessFunction<K, In, Out>,
{
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.work.wakeup = context.wakeup.clone();
        self.around.open(context);
        // The subtasks may have come differently far; to the least of them no record is late that was not.
        let watermarks: Vec<Timestamp> =
            context.restore.claim_operator(WATERMARK, 1, Redistribution::Union)?;
        self.around.watermark = watermarks.into_iter().min().unwrap_or(Timestamp::MIN);
        let mut store = KeyedStore::new(context.groups, context.max_parallelism, key_functions());
        self.work.function.open(&mut store).map_err(user_failure)?;
        store.restore(&mut context.restore)?;
        if store.keeps_text() {
            self.work.detacher = Detacher::of::<In>();
        }
        self.work.store = Some(store);
        self.wake_for_next();
        Ok(())
    }

    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        let (origin, is_timed) = (batch.origin().cloned(), batch.is_timed());
        let place = |index, time| RecordPlace {
            origin: origin.as_ref(),
            index,
            time: Some(time).filter(|_| is_timed),
        };
        if batch.hashes().is_empty() {
            for (index, (record, time)) in batch.drain_timed().enumerate() {
                self.handle(record, None, &place(index, time), output)?;
            }
        } else {
            for (index, ((record, time), hash)) in batch.drain_timed_hashed(|_| 0).enumerate() {
                self.handle(record, Some(hash), &place(index, time), output)?;
            }
        }
        let store = opened(&mut self.work.store)?;
        store.unset_key();
        Ok(store.check()?)
    }

    fn on_watermark(&mut self, watermark: Timestamp, output: &mut Output<Out>) -> Result<Option<Timestamp>> {
        // After a restore the watermarks in front may begin anew; what event time had reached is not taken back.
        let reached = self.around.advance(watermark);
        self.fire(TimeDomain::EventTime, reached, output)?;
        Ok(Some(reached))
    }

    fn on_processing_time(&mut self, now: Timestamp, output: &mut Output<Out>) -> Result<()> {
        self.fire(TimeDomain::ProcessingTime, now, output)?;
        self.wake_for_next();
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, _: Barrier) -> Result<()> {
        snapshot.keyed.extend(opened(&mut self.work.store)?.freeze());
        snapshot.operator.push(OperatorPart::new(WATERMARK, 1, [&self.around.watermark])?);
        Ok(())
    }
}
