//! The order of stages and the tasks that are run again.
//!
//! Answers for what is run when, and what is given up. Not for where tasks run (`team`).
//! Holds: an attempt that came to nothing because a process or blocks were lost does not count as one of the task's
//! [`ATTEMPTS`].

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use millstream_dataflow::lineage::{Dependency, Lineage, Shuffle, ShuffleId, StorageLevel};
use millstream_model::error::{Failure, Result};

use super::action::{Action, Outcome};
use super::claims::Claims;
use super::counters::add;
use super::engine::Stores;
use super::jobs::{Job, Jobs};
use super::progress::Counted;
use super::task::{ATTEMPTS, is_last};
use super::team::{Event, Part, Running, Stage, Team, Tell};
use crate::control::Attempt;

/// How often one task may lose what it needs before its job fails.
const LOSSES: u32 = 32;
/// How often tasks that wait are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Runs the stages of jobs.
pub(super) struct Scheduler {
    pub(super) team: Arc<dyn Team>,
    pub(super) stores: Arc<Stores>,
    pub(super) jobs: Arc<Jobs>,
    pub(super) shuffling: Claims<ShuffleId>,
    pub(super) cancel_timeout: Duration,
}

/// Lets another job make the blocks of a shuffle, should this one not have.
struct Claimed<'a>(&'a Claims<ShuffleId>, ShuffleId);

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        self.0.release(self.1);
    }
}

/// How often a task was tried in vain.
#[derive(Clone, Copy, Default)]
struct Tried {
    failures: u32,
    losses: u32,
}

/// A stage whose tasks run.
struct Tasks<'a> {
    of: &'a Arc<dyn Lineage>,
    partitions: &'a [usize],
    running: Arc<dyn Running>,
    counted: Arc<Counted>,
}

impl Scheduler {
    pub(super) fn new(
        team: Arc<dyn Team>,
        stores: Arc<Stores>,
        jobs: Arc<Jobs>,
        cancel_timeout: Duration,
    ) -> Self {
        Self { team, stores, jobs, shuffling: Claims::default(), cancel_timeout }
    }

    /// Runs the job of this number.
    pub(super) fn run(&self, number: u64, action: &Action) -> Result<Vec<Outcome>> {
        let running = self.jobs.begin(Arc::clone(&action.properties));
        self.stage(&running.job, Stage::of_action(number, action), &action.partitions)
    }

    /// Makes the shuffle blocks that a stage ending in `last` reads and that are not there. Data sets that are kept need
    /// none, unless `despite_kept`.
    fn provide(&self, job: &Job, number: u64, last: &Arc<dyn Lineage>, despite_kept: bool) -> Result<()> {
        let (mut stack, mut seen) = (vec![Arc::clone(last)], HashSet::new());
        while let Some(node) = stack.pop() {
            if !seen.insert(node.id()) {
                continue;
            }
            let is_kept = node.storage() != StorageLevel::None && !despite_kept;
            if is_kept && self.team.has_all(node.id(), node.partitions()) {
                continue;
            }
            node.prepare()?;
            for dependency in node.dependencies() {
                match dependency {
                    Dependency::Narrow(parent) => stack.push(Arc::clone(parent)),
                    Dependency::Shuffle(shuffle) => self.map_stage(job, number, shuffle)?,
                }
            }
        }
        Ok(())
    }

    fn map_stage(&self, job: &Job, number: u64, shuffle: &Arc<dyn Shuffle>) -> Result<()> {
        let id = shuffle.id();
        self.shuffling.claim(id, &job.cancellation)?;
        let _claimed = Claimed(&self.shuffling, id);
        let missing = self.team.missing(id, shuffle.parent().partitions());
        if missing.is_empty() {
            add(&self.stores.tally.skipped_stages);
            return Ok(());
        }
        let stage = Stage::of_shuffle(number, shuffle, &job.properties, &self.stores);
        self.stage(job, stage, &missing)?;
        Ok(())
    }

    /// Runs the tasks of a stage, each up to [`ATTEMPTS`] times. When it gives up, its other tasks have stopped, or are
    /// named in the failure.
    fn stage(&self, job: &Job, stage: Stage, partitions: &[usize]) -> Result<Vec<Outcome>> {
        let (of, number, part) = (Arc::clone(&stage.of), stage.job, stage.part);
        let (done, events) = channel();
        let tell: Tell = {
            let done = done.clone();
            Arc::new(move |event| drop(done.send(event)))
        };
        let running = Arc::clone(&self.team).open(stage, tell);
        let listed = job.stages.begin(&*of, partitions.len(), &running);
        self.provide(job, number, &of, false)?;
        let _waiting = job.on_cancel(move || drop(done.send(Event::Cancelled)))?;
        let tasks = Tasks { of: &of, partitions, running, counted: Arc::clone(&listed.counted) };
        self.wait_for(job, number, part, &tasks, &events).map_err(|failure| {
            let (stuck, freed) = tasks.running.leave(self.cancel_timeout);
            match freed {
                _ if stuck.is_empty() => failure,
                Ok(()) => failure.advice(self.left_behind(&of, &stuck)),
                Err(fewer) => failure.advice(fewer.to_string()),
            }
        })
    }

    /// What is said of tasks that do not stop.
    fn left_behind(&self, of: &Arc<dyn Lineage>, partitions: &[usize]) -> String {
        let partitions: Vec<String> = partitions.iter().map(usize::to_string).collect();
        format!(
            "tasks of {} (rdd {}) did not stop within {:?} and are left to themselves, others have their slots: partition {}",
            of.name(),
            of.id().0,
            self.cancel_timeout,
            partitions.join(", ")
        )
    }

    fn wait_for(
        &self,
        job: &Job,
        number: u64,
        part: Part,
        tasks: &Tasks<'_>,
        events: &Receiver<Event>,
    ) -> Result<Vec<Outcome>> {
        let start = |at: usize, tried: Tried| {
            let (number, counted) = (tried.failures + tried.losses + 1, tried.failures + 1);
            tasks.running.start(at, tasks.partitions[at], Attempt { number, counted })
        };
        let mut tried = vec![Tried::default(); tasks.partitions.len()];
        for (at, tried) in tried.iter().enumerate() {
            start(at, *tried)?;
        }
        let mut found: Vec<Option<Outcome>> = tasks.partitions.iter().map(|_| None).collect();
        let mut open = found.len();
        while open > 0 {
            let event = match events.recv_timeout(LOOK) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => {
                    tasks.running.look();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::internal("a task ended without a result"));
                }
            };
            // A result that is lost on its way costs the task another attempt that does not count.
            let event = match event {
                Event::Ended(at, attempt, Ok(outcome)) => match tasks.running.fetch(at, outcome) {
                    Ok(outcome) => Event::Ended(at, attempt, Ok(outcome)),
                    Err(why) => Event::Again(at, why),
                },
                event => event,
            };
            match event {
                Event::Cancelled => return Err(Failure::cancelled()),
                Event::Refused(failure) => return Err(failure),
                Event::Ended(at, _, Ok(outcome)) => {
                    add(match part {
                        Part::Result => &self.stores.tally.result_tasks,
                        Part::Map(_) => &self.stores.tally.map_tasks,
                    });
                    found[at] = Some(outcome);
                    open -= 1;
                    tasks.counted.done.fetch_add(1, Ordering::Relaxed);
                }
                Event::Ended(at, _, Err(failure)) => {
                    tried[at].failures += 1;
                    let attempt = tried[at].failures;
                    add(&self.stores.tally.failed_attempts);
                    tasks.counted.failed.fetch_add(1, Ordering::Relaxed);
                    let partition = tasks.partitions[at];
                    let place = format!("partition {partition} of rdd {}", tasks.of.id().0);
                    if is_last(&failure, attempt) {
                        return Err(failure.advice(if attempt >= ATTEMPTS {
                            format!("{place} failed in all {ATTEMPTS} attempts; this is the last one")
                        } else {
                            format!("{place} failed in attempt {attempt}; another would fail in the same way")
                        }));
                    }
                    tracing::warn!(partition, attempt, %failure, "task failed, trying again");
                    // It may have failed because blocks were lost: those, and only those, are made again.
                    self.provide(job, number, tasks.of, false)?;
                    start(at, tried[at])?;
                }
                Event::Again(at, why) => {
                    add(&self.stores.tally.lost_attempts);
                    tried[at].losses += 1;
                    let partition = tasks.partitions[at];
                    if tried[at].losses > LOSSES {
                        let of = tasks.of.id().0;
                        return Err(why.advice(format!(
                            "partition {partition} of rdd {of} lost what it needs {LOSSES} times: can the executors reach each \
                             other?"
                        )));
                    }
                    tracing::warn!(partition, %why, "task lost what it needs, trying again");
                    self.provide(job, number, tasks.of, true)?;
                    start(at, tried[at])?;
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}
