//! One run of a script.

use std::cell::RefCell;
use std::fmt;
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{
    Barrier, BarrierPass, ChainContext, Control, Downstream, Link, LinkIdentity, Output, RestoreSource,
    SideLink, SideOutputs, Wakeup,
};
use millstream_dataflow::state::{OperatorRestore, OperatorSnapshot};
use millstream_model::error::Result;
use millstream_model::id::{CheckpointId, CheckpointKind, OperatorUid, Subtask};
use millstream_model::key::{MaxParallelism, key_group_of, range_of, subtask_of};
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use super::Harness;
use super::collect::{Collect, Emitted};
use super::outputs::Recording;
use super::script::{Step, TestClock};

/// What is done between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SnapshotMode {
    /// Nothing.
    None,
    /// A snapshot, encoded one step later, when the operator has written to what it shares.
    Take,
    /// A snapshot, from which a new operator goes on.
    Restore,
}

/// One of the twelve ways.
pub(super) struct Run<'a, In, Out> {
    pub(super) harness: &'a Harness<In, Out>,
    pub(super) together: bool,
    pub(super) snapshots: SnapshotMode,
    pub(super) limit: usize,
}

impl<In, Out> Run<'_, In, Out> {
    /// Whether records come in the same batches and operators are restored at the same steps.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let restores = |run: &Self| run.snapshots == SnapshotMode::Restore;
        self.together == other.together && restores(self) == restores(other)
    }
}

impl<In, Out> fmt::Display for Run<'_, In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { together, snapshots, limit, .. } = self;
        write!(f, "records together: {together}, snapshots: {snapshots:?}, output limit {limit}")
    }
}

/// Hands out a restore once.
struct Once(OperatorRestore);

impl RestoreSource for Once {
    fn restore(&mut self, _: &OperatorUid) -> Result<OperatorRestore> {
        Ok(std::mem::take(&mut self.0))
    }
}

impl<In: Record, Out: Record + Debug> Run<'_, In, Out> {
    pub(super) fn over(&self, script: &[Step<In>]) -> Recording<Out> {
        let (clock, mut wakeup) = (TestClock::default(), Wakeup::default());
        let recording = Recording::of(self.harness.sides.keys());
        let whole = Subtask { index: 0, of: 1 };
        let mut link = self.open(whole, &clock, &recording, &wakeup, OperatorRestore::empty());
        let (mut frozen, mut rest) = (None, script);
        while let Some(step) = rest.first() {
            let mut batch = Batch::default();
            let count = self.gather(rest, &mut batch);
            rest = &rest[count.max(1)..];
            match step {
                Step::Record(_) | Step::RecordAt(..) => check(link.batch(&mut batch)),
                Step::Clock(millis) if wakeup.next() > Timestamp::from_millis(*millis) => clock.set(*millis),
                step => {
                    if let Step::Clock(_) = step {
                        wakeup.clear();
                    }
                    self.take(&mut *link, step, &clock);
                }
            }
            if !matches!(step, Step::Record(_) | Step::RecordAt(..)) {
                recording.all(|tape| tape.step());
            }
            // What was frozen one step ago is read now, when the operator has gone on.
            drop(frozen.take().map(restore_of));
            match self.snapshots {
                SnapshotMode::None => {}
                SnapshotMode::Take => frozen = Some(snapshot(&mut *link)),
                SnapshotMode::Restore => {
                    let restore = restore_of(snapshot(&mut *link));
                    wakeup = Wakeup::default();
                    link = self.open(whole, &clock, &recording, &wakeup, restore);
                    if matches!(step, Step::End) {
                        recording.all(|tape| tape.close());
                        // An end that is seen again after a restore emits nothing again.
                        check(link.control(&mut Control::Watermark(Timestamp::MAX)));
                        check(link.control(&mut Control::End));
                    }
                }
            }
        }
        recording
    }

    /// Fills a batch with the records at the script's begin; how many there were.
    fn gather(&self, script: &[Step<In>], batch: &mut Batch<In>) -> usize {
        let limit = if self.together { usize::MAX } else { 1 };
        let is_timed = matches!(script.first(), Some(Step::RecordAt(..)));
        let hash = self.harness.hash;
        let mut push = |record: &In, time: Option<Timestamp>| match (hash, time) {
            (Some(hash), time) => batch.push_keyed(record.clone(), time, hash(record)),
            (None, Some(time)) => batch.push_at(record.clone(), time),
            (None, None) => batch.push(record.clone()),
        };
        for (index, step) in script.iter().enumerate() {
            match step {
                Step::Record(record) if index < limit && !is_timed => push(record, None),
                Step::RecordAt(record, time) if index < limit && is_timed => {
                    push(record, Some(Timestamp::from_millis(*time)));
                }
                _ => return index,
            }
        }
        script.len()
    }

    /// Goes over `before` as one subtask, and over `after` as two that share its state and its keys.
    pub(super) fn rescaled(
        &self,
        before: &[Step<In>],
        after: &[Step<In>],
        hash: fn(&In) -> u64,
    ) -> Vec<Emitted<Out>> {
        let (clock, wakeup) = (TestClock::default(), Wakeup::default());
        let recording = Recording::of(self.harness.sides.keys());
        let whole = Subtask { index: 0, of: 1 };
        let mut link = self.open(whole, &clock, &recording, &wakeup, OperatorRestore::empty());
        for step in before {
            self.take(&mut *link, step, &clock);
        }
        let max = MaxParallelism::default();
        for index in 0..2u16 {
            let restore = OperatorRestore::of(vec![snapshot(&mut *link)], index, 2, range_of(index, 2, max));
            assert!(restore.is_ok(), "a snapshot cannot be written: {restore:?}");
            let half = Subtask { index: u32::from(index), of: 2 };
            let mut part = self.open(half, &clock, &recording, &wakeup, restore.unwrap_or_default());
            for step in after {
                match step {
                    Step::Record(record) | Step::RecordAt(record, _)
                        if subtask_of(key_group_of(hash(record), max), 2, max) != index => {}
                    step => self.take(&mut *part, step, &clock),
                }
            }
        }
        recording.records.take()
    }

    /// Takes one step; the clock calls the operator whether it asked or not.
    fn take(&self, link: &mut dyn Downstream<In>, step: &Step<In>, clock: &TestClock) {
        let mut batch = Batch::default();
        self.gather(std::slice::from_ref(step), &mut batch);
        match step {
            Step::Record(_) | Step::RecordAt(..) => check(link.batch(&mut batch)),
            Step::Watermark(time) => {
                check(link.control(&mut Control::Watermark(Timestamp::from_millis(*time))));
            }
            Step::Clock(millis) => {
                clock.set(*millis);
                check(link.control(&mut Control::Tick(clock.now())));
            }
            Step::End => {
                check(link.control(&mut Control::Watermark(Timestamp::MAX)));
                check(link.control(&mut Control::End));
            }
        }
    }

    fn open(
        &self,
        subtask: Subtask,
        clock: &TestClock,
        recording: &Recording<Out>,
        wakeup: &Wakeup,
        restore: OperatorRestore,
    ) -> Box<dyn Downstream<In>> {
        let (records, tape) = (Rc::clone(&recording.records), Rc::clone(&recording.main));
        let collect = Collect { records, tape, limit: self.limit };
        let identity = LinkIdentity {
            name: "tested".into(),
            uid: OperatorUid::new("tested"),
            counts: Arc::default(),
            on_error: self.harness.on_error.clone(),
        };
        let mut sides = SideOutputs::default();
        for (name, add) in &self.harness.sides {
            if let Some(tape) = recording.sides.get(name) {
                add(&mut sides, tape);
            }
        }
        let sides = Rc::new(RefCell::new(sides));
        let output = Output::with_limit(Box::new(collect), self.limit);
        let link = Link::new(identity, (self.harness.make)(clock, &sides), output);
        let mut link: Box<dyn Downstream<In>> = Box::new(SideLink::new(link, sides));
        let max = MaxParallelism::default();
        check(link.open(&mut ChainContext {
            subtask,
            groups: range_of(subtask.index as u16, subtask.of as u16, max),
            max_parallelism: max,
            mode: self.harness.mode,
            wakeup: wakeup.clone(),
            cancelled: Default::default(),
            restore: &mut Once(restore),
        }));
        link
    }
}

fn snapshot<In>(link: &mut dyn Downstream<In>) -> OperatorSnapshot {
    let mut pass =
        BarrierPass::new(Barrier { checkpoint: CheckpointId(1), kind: CheckpointKind::Checkpoint });
    check(link.control(&mut Control::Barrier(&mut pass)));
    pass.snapshots.pop().map(|(_, snapshot)| snapshot).unwrap_or_default()
}

fn restore_of(snapshot: OperatorSnapshot) -> OperatorRestore {
    let restored = OperatorRestore::of(vec![snapshot], 0, 1, MaxParallelism::default().all());
    assert!(restored.is_ok(), "a snapshot cannot be written: {restored:?}");
    restored.unwrap_or_default()
}

fn check(result: Result<()>) {
    assert!(result.is_ok(), "the operator failed: {result:?}");
}
