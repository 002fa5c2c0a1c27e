//! The order of stages and the tasks that are run again.
//!
//! Answers for what is run when, and what is given up. Not for where tasks run (`team`).
//! Holds: an attempt that came to nothing because a process or blocks were lost does not count as one of the task's
//! [`ATTEMPTS`]; of several attempts at a task one counts, with all that it left.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use millstream_dataflow::lineage::{Dependency, Lineage, Shuffle, ShuffleId, StorageLevel};
use millstream_model::error::{Failure, Result};

use super::action::{Action, Done, Outcome};
use super::claims::Claims;
use super::counters::add;
use super::engine::{StageSettings, Stores};
use super::jobs::{Job, Jobs};
use super::progress::Counted;
use super::speculation::Speculation;
use super::task::{ATTEMPTS, is_last};
use super::team::{Begun, Event, Part, Running, Stage, Team, Tell};
use crate::control::Attempt;

/// How often one task may lose what it needs before its job fails.
const LOSSES: u32 = 32;
/// The shortest pause between two looks for stragglers.
const SHORT: Duration = Duration::from_millis(1);
/// How often tasks that wait are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Runs the stages of jobs.
pub(super) struct Scheduler {
    pub(super) team: Arc<dyn Team>,
    pub(super) stores: Arc<Stores>,
    pub(super) jobs: Arc<Jobs>,
    pub(super) shuffling: Claims<ShuffleId>,
    pub(super) cancel_timeout: Duration,
    pub(super) speculation: Option<Speculation>,
}

/// Lets another job make the blocks of a shuffle, should this one not have.
struct Claimed<'a>(&'a Claims<ShuffleId>, ShuffleId);

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        self.0.release(self.1);
    }
}

/// What was tried of a task.
#[derive(Default)]
struct Tried {
    failures: u32,
    losses: u32,
    /// How many attempts were started.
    started: u32,
    /// The numbers of those that have not ended.
    live: Vec<u32>,
    is_done: bool,
}

impl Tried {
    /// Another attempt.
    fn next(&mut self) -> Attempt {
        self.started += 1;
        self.live.push(self.started);
        Attempt { number: self.started, counted: self.failures + 1 }
    }

    /// An attempt has ended. False if nobody waits for it.
    fn ends(&mut self, attempt: u32) -> bool {
        let at = self.live.iter().position(|live| *live == attempt);
        at.map(|at| self.live.swap_remove(at)).is_some()
    }
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
        settings: &StageSettings,
    ) -> Self {
        let StageSettings { cancel_timeout, speculation, .. } = *settings;
        Self { team, stores, jobs, shuffling: Claims::default(), cancel_timeout, speculation }
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
        let start =
            |at: usize, tried: &mut Tried| tasks.running.start(at, tasks.partitions[at], tried.next());
        let mut tried: Vec<Tried> = tasks.partitions.iter().map(|_| Tried::default()).collect();
        for (at, tried) in tried.iter_mut().enumerate() {
            start(at, tried)?;
        }
        let (mut took, mut looked, mut measured) = (Vec::new(), Instant::now(), Instant::now());
        let pause = self.speculation.map_or(LOOK, |rule| rule.interval.clamp(SHORT, LOOK));
        let mut found: Vec<Option<Outcome>> = tasks.partitions.iter().map(|_| None).collect();
        let mut open = found.len();
        while open > 0 {
            if let Some(rule) = &self.speculation
                && measured.elapsed() >= pause
            {
                measured = Instant::now();
                self.speculate(rule, tasks, &mut tried, &mut took)?;
            }
            let event = match events.recv_timeout(pause) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => {
                    if looked.elapsed() >= LOOK {
                        looked = Instant::now();
                        tasks.running.look();
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::internal("a task ended without a result"));
                }
            };
            // What is told of an attempt that lost to another one goes nowhere.
            if let Event::Ended(at, attempt, _) | Event::Again(at, attempt, _) = &event
                && !tried[*at].ends(*attempt)
            {
                continue;
            }
            // A result that is lost on its way costs the task another attempt that does not count.
            let event = match event {
                Event::Ended(at, attempt, Ok(done)) => match tasks.running.fetch(at, done.outcome) {
                    Ok(outcome) => Event::Ended(at, attempt, Ok(Done { outcome, ..done })),
                    Err(why) => Event::Again(at, attempt, why),
                },
                event => event,
            };
            match event {
                Event::Cancelled => return Err(Failure::cancelled()),
                Event::Refused(failure) => return Err(failure),
                Event::Ended(at, _, Ok(Done { outcome, added, took: long })) => {
                    self.stores.accumulators.take_in(added)?;
                    add(match part {
                        Part::Result => &self.stores.tally.result_tasks,
                        Part::Map(_) => &self.stores.tally.map_tasks,
                    });
                    found[at] = Some(outcome);
                    took.push(long);
                    tried[at].is_done = true;
                    tried[at].live.drain(..).for_each(|other| tasks.running.abandon(at, other));
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
                    if tried[at].live.is_empty() {
                        self.provide(job, number, tasks.of, false)?;
                        start(at, &mut tried[at])?;
                    }
                }
                Event::Again(at, _, why) => {
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
                    if tried[at].live.is_empty() {
                        self.provide(job, number, tasks.of, true)?;
                        start(at, &mut tried[at])?;
                    }
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Starts tasks a second time that take much longer than the others, where there is room.
    fn speculate(
        &self,
        rule: &Speculation,
        tasks: &Tasks<'_>,
        tried: &mut [Tried],
        took: &mut [Duration],
    ) -> Result<()> {
        let Some(threshold) = rule.threshold(took, tried.len()) else { return Ok(()) };
        for Begun { at, attempt, since } in tasks.running.begun() {
            let task = &mut tried[at];
            if task.is_done || task.live != [attempt] || since.elapsed() < threshold {
                continue;
            }
            let second = task.next();
            let partition = tasks.partitions[at];
            if !tasks.running.speculate(at, partition, second)? {
                (task.started, _) = (task.started - 1, task.live.pop());
                continue;
            }
            tracing::info!(partition, runs_for = ?since.elapsed(), ?threshold, "a straggler is run a second time");
            add(&self.stores.tally.speculative_attempts);
        }
        Ok(())
    }
}
