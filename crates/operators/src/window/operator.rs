//! The operator that keeps windows and emits them.

use std::cell::RefCell;
use std::hash::Hash;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{
    Barrier, Operator, OperatorContext, Output, OutputTag, SideOutputs, Wakeup,
};
use millstream_dataflow::state::restore::Redistribution;
use millstream_dataflow::state::snapshot::OperatorPart;
use millstream_dataflow::state::{KeyData, OperatorSnapshot, StateError, may_hold_text};
use millstream_model::error::{Failure, Result};
use millstream_model::key::hash::hash_of;
use millstream_model::record::Record;
use millstream_model::text::Text;
use millstream_model::time::Timestamp;

use super::late::Late;
use super::panes::Panes;
use super::{LateCounter, TimeWindow, WindowAssigner, WindowFunction, WindowOutput};
use crate::clock::Clock;

/// By the clock, a window is over when its last moment has passed, since records may still come within that moment.
const TICK: Duration = Duration::from_millis(1);

/// Aggregates, reduces or processes the records of each key and window.
///
/// Its state is named `panes`; how far time had come is kept too (`time`), so that after a restore no window emits
/// twice and a record that is late stays late.
pub struct WindowAggregate<K, In, Out, S, W: WindowFunction<K, In, Out>> {
    select: Arc<S>,
    assigner: WindowAssigner,
    function: W,
    lateness: Duration,
    late: Late<In>,
    clock: Clock,
    wakeup: Wakeup,
    /// The watermark, or the clock at the last look, by which windows were emitted.
    time: Timestamp,
    panes: Option<Panes<K, W::Acc>>,
    /// The window of the record before; one without a moment at first.
    window: TimeWindow,
    /// Whether what a window keeps may be a view of a read buffer, which it must not keep alive.
    keeps_text: bool,
    types: PhantomData<fn() -> Out>,
}

impl<K, In, Out, S, W> WindowAggregate<K, In, Out, S, W>
where
    K: KeyData + Hash,
    In: Record,
    S: Fn(&In) -> K + Send + Sync,
    W: WindowFunction<K, In, Out>,
{
    /// Windows of `assigner` by the key that `select` finds, emitted by `function`.
    pub fn new(select: Arc<S>, assigner: WindowAssigner, function: W) -> Self {
        Self {
            select,
            assigner,
            function,
            lateness: Duration::ZERO,
            late: Late { counter: LateCounter::default(), side: None },
            clock: Clock::default(),
            wakeup: Wakeup::default(),
            time: Timestamp::MIN,
            panes: None,
            window: TimeWindow { start: Timestamp::MAX, end: Timestamp::MAX },
            keeps_text: may_hold_text::<W::Acc>(),
            types: PhantomData,
        }
    }

    /// Keeps a window this long after it emitted; each record that it still takes emits its key's new result.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.lateness = lateness;
        self
    }

    /// Emits records whose window is gone to a side output.
    #[must_use]
    pub fn late_output(mut self, sides: Rc<RefCell<SideOutputs>>, tag: OutputTag<In>) -> Self {
        self.late.side = Some((sides, tag));
        self
    }

    /// Counts records whose window is gone with a counter of one's own.
    #[must_use]
    pub fn late_counter(mut self, counter: LateCounter) -> Self {
        self.late.counter = counter;
        self
    }

    /// With another clock for windows in processing time.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Takes one record into its window, or to where late ones go.
    #[inline]
    fn add(
        &mut self,
        record: In,
        time: Timestamp,
        known_hash: Option<u64>,
        output: &mut Output<Out>,
    ) -> Result<()> {
        let Some(panes) = &mut self.panes else {
            return Err(Failure::internal("a window operator was used before it was opened"));
        };
        // Most records are of the window of the one before: no division for these.
        if !self.window.contains(time) {
            self.window = self.assigner.window_at(self.assigner.start_of(time));
        }
        let window = self.window;
        let last = window.max_timestamp();
        if self.time >= last + self.lateness {
            return self.late.take(record, time);
        }
        let key = (self.select)(&record);
        let hash = known_hash.unwrap_or_else(|| hash_of(&key));
        let held = panes
            .table(window.start.millis())
            .get_or_insert_ref(hash, &key, || self.function.create())
            .map_err(StateError::from)?;
        let record = if self.keeps_text { Text::detached_clone(&record) } else { record };
        self.function.add(held, record);
        if self.time >= last {
            self.function.emit(&key, &window, held, &mut WindowOutput { output, time: last })?;
        } else if self.assigner.by_clock {
            self.wakeup.request(window.end);
        }
        Ok(())
    }

    /// Emits the windows that end by `now` and lets go of those that take no late records any more.
    fn advance(&mut self, now: Timestamp, output: &mut Output<Out>) -> Result<()> {
        let (before, assigner) = (self.time, self.assigner);
        self.time = before.max(now);
        let Some(panes) = &mut self.panes else { return Ok(()) };
        if now <= before {
            return Ok(());
        }
        for (start, table) in panes.iter() {
            let window = assigner.window_at(start);
            let last = window.max_timestamp();
            if last > now {
                break;
            }
            if last > before {
                for (key, held) in table.iter() {
                    self.function.emit(key, &window, held, &mut WindowOutput { output, time: last })?;
                }
            }
        }
        let lateness = self.lateness;
        panes.let_go_while(|start| assigner.window_at(start).max_timestamp() + lateness <= now);
        Ok(())
    }

    fn wake_for_next(&self) {
        let is_open = |start: &i64| self.assigner.window_at(*start).max_timestamp() > self.time;
        let next = self.panes.as_ref().and_then(|panes| panes.iter().map(|(start, _)| start).find(is_open));
        if let (true, Some(start)) = (self.assigner.by_clock, next) {
            self.wakeup.request(self.assigner.window_at(start).end);
        }
    }
}

impl<K, In, Out, S, W> Operator<In, Out> for WindowAggregate<K, In, Out, S, W>
where
    K: KeyData + Hash,
    In: Record,
    S: Fn(&In) -> K + Send + Sync,
    W: WindowFunction<K, In, Out>,
{
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.wakeup = context.wakeup.clone();
        self.panes = Some(Panes::open(context)?);
        // The subtasks may have come differently far; the least of them takes every record that one of them would.
        let times: Vec<Timestamp> = context.restore.claim_operator("time", 1, Redistribution::Union)?;
        self.time = times.into_iter().min().unwrap_or(Timestamp::MIN);
        self.wake_for_next();
        Ok(())
    }

    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        if self.assigner.by_clock {
            // A window that ended while the clock was not looked at is emitted before the next takes records.
            // A clock that was set back does not make records late.
            let now = self.clock.now().max(self.time + TICK);
            self.advance(now - TICK, output)?;
            if batch.hashes().is_empty() {
                return batch.drain().try_for_each(|record| self.add(record, now, None, output));
            }
            return batch
                .drain_hashed(|_| 0)
                .try_for_each(|(record, hash)| self.add(record, now, Some(hash), output));
        }
        if !batch.is_timed() && !batch.is_empty() {
            return Err(Failure::user("a window in event time was given a record without an event time")
                .advice("give records times before the window: .assign_timestamps_and_watermarks(...)"));
        }
        if batch.hashes().is_empty() {
            return batch.drain_timed().try_for_each(|(record, time)| self.add(record, time, None, output));
        }
        batch
            .drain_timed_hashed(|_| 0)
            .try_for_each(|((record, time), hash)| self.add(record, time, Some(hash), output))
    }

    fn on_watermark(&mut self, watermark: Timestamp, output: &mut Output<Out>) -> Result<Option<Timestamp>> {
        if self.assigner.by_clock {
            return Ok(Some(watermark));
        }
        // After a restore the watermarks in front may begin anew; what event time had reached is not taken back.
        self.advance(watermark, output)?;
        Ok(Some(self.time))
    }

    fn on_processing_time(&mut self, now: Timestamp, output: &mut Output<Out>) -> Result<()> {
        if self.assigner.by_clock {
            self.advance(now - TICK, output)?;
            self.wake_for_next();
        }
        Ok(())
    }

    fn on_end(&mut self, output: &mut Output<Out>) -> Result<()> {
        // In event time the final watermark has done this already.
        self.advance(Timestamp::MAX, output)
    }

    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, _: Barrier) -> Result<()> {
        let Some(panes) = &mut self.panes else { return Ok(()) };
        snapshot.keyed.push(panes.freeze());
        snapshot.operator.push(OperatorPart::new("time", 1, [&self.time])?);
        Ok(())
    }
}
