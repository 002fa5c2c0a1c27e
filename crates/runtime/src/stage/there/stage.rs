//! The tasks of one stage: those that wait, those that run, and where their results are.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use millstream_dataflow::lineage::{DatasetId, Dependency, Lineage, ShuffleId, StorageLevel};
use millstream_model::error::{Failure, Result};

use super::super::action::Outcome;
use super::super::fetch::Wanted;
use super::super::team::{Begun, Running, Stage, Tell};
use super::There;
use crate::control::{Attempt, ExecutorId, StageOrder};

/// How much longer than the tasks of an executor may take to stop its answer may be on the way.
const ON_THE_WAY: Duration = Duration::from_secs(5);

/// A task that no executor has yet.
pub(super) struct Waiting {
    pub(super) at: usize,
    pub(super) partition: usize,
    pub(super) attempt: Attempt,
    pub(super) since: Instant,
}

/// An attempt that an executor runs.
#[derive(Clone, Copy)]
pub(super) struct Runs {
    pub(super) by: ExecutorId,
    pub(super) partition: usize,
    pub(super) since: Instant,
}

/// A stage, while the scheduler waits for it.
pub(super) struct Open {
    pub(super) stage: Stage,
    pub(super) tell: Tell,
    /// The shuffles that its tasks may read.
    pub(super) reads: Vec<ShuffleId>,
    /// The kept data sets that its tasks may read a partition of with the same number as theirs.
    pub(super) kept: Vec<DatasetId>,
    pub(super) waiting: VecDeque<Waiting>,
    /// By place in the stage and number of the attempt.
    pub(super) running: HashMap<(usize, u32), Runs>,
    /// Who has the results of tasks.
    pub(super) results: HashMap<usize, ExecutorId>,
    /// Who was told to leave and has not.
    pub(super) leaving: HashSet<ExecutorId>,
    pub(super) stuck: Vec<usize>,
}

impl Open {
    pub(super) fn new(stage: Stage, tell: Tell) -> Self {
        let (reads, kept) = inputs(&stage.of);
        Self {
            stage,
            tell,
            reads,
            kept,
            waiting: VecDeque::new(),
            running: HashMap::new(),
            results: HashMap::new(),
            leaving: HashSet::new(),
            stuck: Vec::new(),
        }
    }
}

/// What a stage that ends in `last` may read.
fn inputs(last: &Arc<dyn Lineage>) -> (Vec<ShuffleId>, Vec<DatasetId>) {
    let (mut reads, mut kept) = (Vec::new(), Vec::new());
    let (mut stack, mut seen) = (vec![Arc::clone(last)], HashSet::new());
    while let Some(node) = stack.pop() {
        if !seen.insert(node.id()) {
            continue;
        }
        if node.storage() != StorageLevel::None && node.partitions() == last.partitions() {
            kept.push(node.id());
        }
        for dependency in node.dependencies() {
            match dependency {
                Dependency::Narrow(parent) => stack.push(Arc::clone(parent)),
                Dependency::Shuffle(shuffle) => reads.push(shuffle.id()),
            }
        }
    }
    (reads, kept)
}

/// A stage, as the scheduler holds it.
pub(super) struct Tasks {
    pub(super) there: Arc<There>,
    pub(super) number: u64,
}

impl Running for Tasks {
    fn start(&self, at: usize, partition: usize, attempt: Attempt) -> Result<()> {
        let mut state = self.there.lock();
        if let Some(open) = state.stages.get_mut(&self.number) {
            open.waiting.push_back(Waiting { at, partition, attempt, since: Instant::now() });
        }
        self.there.dispatch(&mut state);
        Ok(())
    }

    fn active(&self) -> usize {
        self.there.lock().stages.get(&self.number).map_or(0, |open| open.running.len())
    }

    fn begun(&self) -> Vec<Begun> {
        let state = self.there.lock();
        let running = state.stages.get(&self.number).map(|open| &open.running).into_iter().flatten();
        running.map(|(&(at, attempt), runs)| Begun { at, attempt, since: runs.since }).collect()
    }

    fn speculate(&self, at: usize, partition: usize, attempt: Attempt) -> Result<bool> {
        let mut state = self.there.lock();
        let task = Waiting { at, partition, attempt, since: Instant::now() };
        Ok(self.there.speculate(&mut state, self.number, &task))
    }

    fn abandon(&self, at: usize, attempt: u32) {
        let mut state = self.there.lock();
        let Some(open) = state.stages.get_mut(&self.number) else { return };
        open.waiting.retain(|task| (task.at, task.attempt.number) != (at, attempt));
        let Some(runs) = open.running.remove(&(at, attempt)) else { return };
        // Its slot is free once its executor says so.
        state.abandoned.insert((self.number, at, attempt), runs.by);
        self.there.order(runs.by, StageOrder::Abandon { stage: self.number, at, attempt });
    }

    fn fetch(&self, at: usize, outcome: Outcome) -> Result<Outcome> {
        let Outcome::Kept(bytes) = outcome else { return Ok(outcome) };
        let address = {
            let state = self.there.lock();
            let executor = state.stages.get(&self.number).and_then(|open| open.results.get(&at));
            executor.and_then(|executor| state.members.get(*executor)).and_then(|member| member.blocks)
        };
        let gone = || Failure::external("the executor that has the result of a task is gone");
        let mut result = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        let wanted = Wanted::Result { stage: self.number, at };
        self.there.reader.each(address.ok_or_else(gone)?, &wanted, |frame| {
            result.extend_from_slice(&frame);
            Ok(())
        })?;
        if result.len() as u64 == bytes {
            return Ok(Outcome::Written(result));
        }
        Err(Failure::external("the result of a task came incomplete"))
    }

    fn look(&self) {
        self.there.sync();
    }

    fn leave(&self, at_most: Duration) -> (Vec<usize>, Result<()>) {
        let deadline = Instant::now() + at_most + ON_THE_WAY;
        let mut state = self.there.lock();
        let Some(open) = state.stages.get_mut(&self.number) else { return (Vec::new(), Ok(())) };
        open.waiting.clear();
        open.leaving = open.running.values().map(|runs| runs.by).collect();
        for executor in &open.leaving {
            self.there.order(*executor, StageOrder::Leave { stage: self.number });
        }
        loop {
            let Some(open) = state.stages.get(&self.number) else { return (Vec::new(), Ok(())) };
            let left = deadline.saturating_duration_since(Instant::now());
            if open.leaving.is_empty() || left.is_zero() {
                let mut stuck = open.stuck.clone();
                stuck.sort_unstable();
                return (stuck, Ok(()));
            }
            let waited = self.there.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        let mut state = self.there.lock();
        if let Some(open) = state.stages.remove(&self.number) {
            open.running.values().for_each(|runs| state.members.freed(runs.by));
        }
    }
}
