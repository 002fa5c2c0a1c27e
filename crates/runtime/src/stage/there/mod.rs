//! Tasks on the executors of a cluster, seen from the master.
//!
//! Answers for which executor runs which task, for who has which blocks and kept partitions, and for what is lost with an
//! executor. Not for the order of stages (`scheduler`) nor for what executors do (`program/follower`).
//! Holds: an executor runs no more tasks at once than it has slots; what is told of an attempt by anybody but the executor
//! that has it goes nowhere; a place is told to an executor before a task that reads it.

mod blocks;
mod driven;
mod members;
mod report;
mod stage;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use millstream_dataflow::lineage::{DatasetId, ShuffleId};
use millstream_model::error::{Failure, Result};

use self::blocks::Known;
pub(super) use self::driven::Driven;
use self::members::Members;
use self::report::Current;
use self::stage::{Open, Runs, Tasks, Waiting};
use super::action::{Action, Done, Outcome};
use super::fetch::Reader;
use super::jobs::Jobs;
use super::program::other_action;
use super::team::{Event, Part, Running, Stage, Team, Tell};
use super::{CachedSize, Counters};
use crate::control::{
    BlockPeer, ExecutorId, Report, StageEvent, StageOrder, TaskEnd, TaskOrdered, TaskPart, ToExecutor,
    ToManager,
};
use crate::job::{Master, Stages};

/// How long a job waits for executors that were granted and have not come to it, before it begins with the others.
const LATE: Duration = Duration::from_secs(5);
/// How long a task waits for the executor that has its kept partition, before another one may run it.
const LOCAL: Duration = Duration::from_secs(3);
/// The number under which the program asks for slots: that of no job, since what one job left is kept for others.
pub(super) const ALL_JOBS: u64 = u64::MAX;

#[derive(Default)]
struct State {
    members: Members,
    known: Known,
    /// What was counted in executors, those that are gone too.
    counters: HashMap<ExecutorId, Counters>,
    job: Option<Current>,
    /// Whether the program had all the slots that it needs, or has waited for them.
    is_settled: bool,
    stages: BTreeMap<u64, Open>,
    next_stage: u64,
    /// Stage, place and number of attempts that nobody waits for, and who has a slot taken by them yet.
    abandoned: HashMap<(u64, usize, u32), ExecutorId>,
}

/// See the module.
pub(super) struct There {
    master: Arc<Master>,
    slots: u32,
    jobs: Arc<Jobs>,
    reader: Arc<Reader>,
    state: Mutex<State>,
    changed: Condvar,
    /// Why no task can be run any more.
    broken: OnceLock<Failure>,
    /// What is else where the program runs here alone.
    driven: Option<Driven>,
}

impl There {
    /// Why no task can be run any more.
    pub(super) fn failed(&self) -> Option<Failure> {
        self.broken.get().map(Failure::told_again)
    }

    /// The executors of the master's program, of which `slots` slots are asked for.
    ///
    /// # Errors
    /// If the program has another context.
    pub(super) fn new(
        master: &Arc<Master>,
        slots: u32,
        jobs: Arc<Jobs>,
        driven: Option<Driven>,
    ) -> Result<Arc<Self>> {
        let reader = Arc::new(Reader::new(master.charge(), "the master".into())?);
        let there = Arc::new(Self {
            master: Arc::clone(master),
            slots,
            jobs,
            reader,
            state: Mutex::default(),
            changed: Condvar::new(),
            broken: OnceLock::new(),
            driven,
        });
        if !master.attach(Arc::clone(&there) as Arc<_>) {
            return Err(super::engine::second_context());
        }
        // One slot is enough to get on with.
        master.need(ALL_JOBS, slots, 1.min(slots));
        Ok(there)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, executor: ExecutorId, order: StageOrder) {
        self.master.say_to(executor, &ToExecutor::Stages(order));
    }

    /// A job begins.
    pub(super) fn begin(&self, number: u64, fingerprint: &str, action: &Action) {
        self.lock().job = Some(Current::new(number, fingerprint, action));
        self.sync();
        self.tell_manager();
    }

    /// The job has ended.
    pub(super) fn end<R>(&self, result: &Result<R>) {
        if let Some(job) = &mut self.lock().job {
            job.end(result.as_ref().err());
        }
        self.tell_manager();
    }

    fn tell_manager(&self) {
        if let Some(report) = self.report_now() {
            self.master.tell_manager(&ToManager::Report(Box::new(report)));
        }
    }

    /// What was counted, where `own` was here.
    pub(super) fn counters(&self, own: Counters) -> Counters {
        self.lock().counters.values().fold(own, |sum, counted| sum.with_stores_of(counted))
    }

    /// Takes over who is there, and starts what can be started.
    fn sync(&self) {
        let mut state = self.lock();
        let state = &mut *state;
        let job = state.job.as_ref().filter(|_| self.driven.is_none());
        let number = job.map_or(ALL_JOBS, |job| job.number);
        // Asked with the state in hand: an older list would lose those that have come since.
        let attendees = self.master.attendees(number);
        let job = state.job.as_ref().filter(|job| job.is_running());
        let (gone, other) = state.members.sync(attendees, job.map(|job| &*job.fingerprint));
        if let (Some((executor, theirs)), Some(job)) = (other, job) {
            let ours = &job.fingerprint;
            state.stages.values().for_each(|open| {
                let refused = other_action(number, ours, &theirs).within(executor.to_string());
                (open.tell)(Event::Refused(refused));
            });
        }
        gone.iter().for_each(|executor| lose(state, *executor));
        self.changed.notify_all();
        self.dispatch(state);
    }

    /// Whether the job may begin, or has begun: those that were granted have come to it, or it has waited for them.
    fn is_ready(&self, state: &mut State) -> bool {
        let State { members, job, is_settled, .. } = state;
        let Some(job) = job else { return false };
        if job.has_begun {
            return true;
        }
        let (slots, granted) = (members.slots(), self.master.granted());
        let granted = || granted.iter().map(|granted| granted.executor);
        if slots == 0 {
            job.waits_for(Some(self.master.slots_lacking(0, self.slots)));
            return false;
        }
        let has_all = *is_settled || slots >= self.slots;
        if !(has_all && members.are_all_at_job(granted())) {
            if job.came_first.get_or_insert_with(Instant::now).elapsed() < LATE {
                return false;
            }
            members.give_up(granted());
        }
        (*is_settled, job.has_begun) = (true, true);
        job.waits_for(None);
        true
    }

    /// Gives tasks that wait to executors with free slots; those of the stage that others wait for first.
    fn dispatch(&self, state: &mut State) {
        if !self.is_ready(state) {
            return;
        }
        let State { members, known, stages, .. } = state;
        for (number, open) in stages.iter_mut().rev() {
            let mut still = std::collections::VecDeque::new();
            while let Some(task) = open.waiting.pop_front() {
                let keeper = open.kept.iter().find_map(|dataset| known.keeper(*dataset, task.partition));
                let local = keeper.and_then(|keeper| Some((keeper, members.has_room(keeper)?)));
                let chosen = match local {
                    Some((keeper, true)) => Some(keeper),
                    Some((_, false)) if task.since.elapsed() < LOCAL => None,
                    _ => members.freest(),
                };
                let Some(executor) = chosen else {
                    let nobody_is_free = members.freest().is_none();
                    still.push_back(task);
                    if nobody_is_free {
                        break;
                    }
                    continue;
                };
                self.give(members, known, (*number, &mut *open), &task, executor);
            }
            still.append(&mut open.waiting);
            open.waiting = still;
        }
    }

    /// Has an executor run a task.
    fn give(
        &self,
        members: &mut Members,
        known: &Known,
        (number, open): (u64, &mut Open),
        task: &Waiting,
        executor: ExecutorId,
    ) {
        for shuffle in &open.reads {
            self.tell_places(members, known, *shuffle, executor);
        }
        self.ship(open.stage.job, executor);
        members.entry(executor).busy += 1;
        let runs = Runs { by: executor, partition: task.partition, since: Instant::now() };
        open.running.insert((task.at, task.attempt.number), runs);
        let ordered = TaskOrdered {
            job: open.stage.job,
            stage: number,
            part: match open.stage.part {
                Part::Result => TaskPart::Result,
                Part::Map(shuffle) => TaskPart::Map(shuffle.0),
            },
            at: task.at,
            partition: task.partition,
            attempt: task.attempt,
            properties: (*open.stage.properties).clone(),
        };
        self.order(executor, StageOrder::Run(ordered));
    }

    /// Has an executor run a task that another one runs, if one has a slot that no task waits for.
    fn speculate(&self, state: &mut State, number: u64, task: &Waiting) -> bool {
        let State { members, known, stages, .. } = state;
        if stages.values().any(|open| !open.waiting.is_empty()) {
            return false;
        }
        let Some(open) = stages.get_mut(&number) else { return false };
        let has_it =
            |id: ExecutorId| open.running.iter().any(|((at, _), runs)| *at == task.at && runs.by == id);
        let Some(executor) = members.freest_of(|id| !has_it(id)) else { return false };
        self.give(members, known, (number, open), task, executor);
        true
    }

    fn tell_places(&self, members: &mut Members, known: &Known, shuffle: ShuffleId, to: ExecutorId) {
        let told = members.get(to).and_then(|member| member.told.get(&shuffle)).copied().unwrap_or(0);
        let Some((version, maps)) = known.places(shuffle, told) else { return };
        let mut peers: Vec<BlockPeer> = Vec::new();
        let mut places = Vec::with_capacity(maps.len());
        for (map, executor) in maps {
            let Some(blocks) = members.get(*executor).and_then(|member| member.blocks) else { continue };
            let known = peers.iter().position(|peer| peer.executor == *executor);
            let place = known.unwrap_or_else(|| {
                peers.push(BlockPeer { executor: *executor, blocks });
                peers.len() - 1
            });
            places.push((*map, place));
        }
        if let Some(member) = members.get_mut(to) {
            member.told.insert(shuffle, version);
        }
        self.order(to, StageOrder::Places { shuffle: shuffle.0, peers, maps: places });
    }

    fn ended(
        &self,
        state: &mut State,
        executor: ExecutorId,
        stage: u64,
        (at, attempt): (usize, u32),
        end: TaskEnd,
    ) {
        let Some(open) = state.stages.get_mut(&stage) else { return };
        let Some(Runs { partition, since, .. }) =
            open.running.get(&(at, attempt)).filter(|runs| runs.by == executor).copied()
        else {
            return;
        };
        let took = since.elapsed();
        open.running.remove(&(at, attempt));
        state.members.freed(executor);
        self.count_told((executor, open.stage.of.id(), partition, attempt), &end);
        let event = match (end, open.stage.part) {
            (TaskEnd::Done { added, .. }, Part::Map(shuffle)) => {
                state.known.made(shuffle, partition, executor);
                Event::Ended(at, attempt, Ok(Done { outcome: Outcome::Stored, added: added.into(), took }))
            }
            (TaskEnd::Done { bytes, added }, Part::Result) => {
                open.results.insert(at, executor);
                Event::Ended(
                    at,
                    attempt,
                    Ok(Done { outcome: Outcome::Kept(bytes), added: added.into(), took }),
                )
            }
            (TaskEnd::Lost { blocks, why }, _) => {
                for (shuffle, map, of) in blocks {
                    state.known.lost(ShuffleId(shuffle), map, of);
                }
                Event::Again(at, attempt, why)
            }
            (TaskEnd::Failed(failure), _) => {
                if let Some(job) = &mut state.job {
                    job.failed(&failure);
                }
                Event::Ended(at, attempt, Err(failure))
            }
        };
        (open.tell)(event);
    }
}

/// Everything that an executor had is lost with it.
fn lose(state: &mut State, executor: ExecutorId) {
    state.known.lost_all_of(executor);
    state.abandoned.retain(|_, by| *by != executor);
    for open in state.stages.values_mut() {
        open.leaving.remove(&executor);
        let lost: Vec<(usize, u32)> =
            open.running.iter().filter(|(_, runs)| runs.by == executor).map(|(task, _)| *task).collect();
        for (at, attempt) in lost {
            open.running.remove(&(at, attempt));
            let why = Failure::external(format!("{executor}, which ran the task, is gone"));
            (open.tell)(Event::Again(at, attempt, why));
        }
    }
}

impl Stages for There {
    fn stir(&self) {
        self.sync();
    }

    fn hear(&self, executor: ExecutorId, event: StageEvent) {
        let mut state = self.lock();
        match event {
            StageEvent::Serves { blocks } => state.members.entry(executor).blocks = Some(blocks),
            StageEvent::Ended { stage, at, attempt, end, kept, counters } => {
                kept.into_iter().for_each(|change| state.known.kept(executor, change));
                state.counters.insert(executor, *counters);
                self.ended(&mut state, executor, stage, (at, attempt), end);
            }
            StageEvent::Told { dataset, partition, attempt, what } => {
                self.told((executor, DatasetId(dataset), partition, attempt), what);
            }
            StageEvent::Abandoned { stage, at, attempt } => {
                if state.abandoned.remove(&(stage, at, attempt)).is_some() {
                    state.members.freed(executor);
                }
            }
            StageEvent::Left { stage, stuck } => {
                if let Some(open) = state.stages.get_mut(&stage) {
                    open.leaving.remove(&executor);
                    open.stuck.extend(stuck);
                }
                self.changed.notify_all();
            }
        }
        self.dispatch(&mut state);
    }

    fn report(&self) -> Option<Report> {
        self.report_now().filter(|_| self.lock().job.as_ref().is_some_and(Current::is_running))
    }

    fn cancel(&self) -> bool {
        self.jobs.cancel(|_| true) > 0
    }

    fn fail(&self, why: &Failure) {
        let why = self.broken.get_or_init(|| why.told_again());
        let state = self.lock();
        state.stages.values().for_each(|open| (open.tell)(Event::Refused(why.told_again())));
    }
}

impl Team for There {
    fn missing(&self, shuffle: ShuffleId, maps: usize) -> Vec<usize> {
        self.lock().known.missing(shuffle, maps)
    }

    fn has_all(&self, dataset: DatasetId, partitions: usize) -> bool {
        self.lock().known.has_all(dataset, partitions)
    }

    fn cached_size(&self, dataset: DatasetId) -> CachedSize {
        self.lock().known.size(dataset)
    }

    fn lose_shuffled(&self, shuffle: ShuffleId, map: usize) {
        self.lock().known.lose(shuffle, map);
    }

    fn lose_cached(&self, dataset: DatasetId, partition: usize) {
        self.lock().known.lose_kept(dataset, partition);
    }

    fn forget_shuffle(&self, shuffle: ShuffleId) {
        let mut state = self.lock();
        state.known.forget_shuffle(shuffle);
        state.members.forget(shuffle);
        drop(state);
        self.forget_afar(vec![shuffle.0], Vec::new());
    }

    fn forget_cached(&self, dataset: DatasetId) {
        self.lock().known.forget_kept(dataset);
        self.forget_afar(Vec::new(), vec![dataset.0]);
    }

    fn open(self: Arc<Self>, stage: Stage, tell: Tell) -> Arc<dyn Running> {
        let number = {
            let mut state = self.lock();
            let number = state.next_stage;
            state.next_stage += 1;
            if let Some(failure) = self.failed() {
                tell(Event::Refused(failure));
            }
            state.stages.insert(number, Open::new(stage, tell));
            number
        };
        Arc::new(Tasks { there: self, number })
    }
}
