//! One attempt at a job: its threads from the first to the last, and the loop that coordinates them.
//!
//! Answers for splits, barriers, the end, and for stopping everybody promptly after a failure. Not for what a
//! checkpoint consists of (`checkpoints`) nor for whether there is another attempt (`restart`).
//! Holds: one checkpoint at a time; after the loop no thread of the attempt is left, or the failure names it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use millstream_dataflow::graph::NodeKind;
use millstream_dataflow::operator::Barrier;
use millstream_dataflow::source::{AnyEnumerator, NextSplit, SPLITS};
use millstream_dataflow::state::OperatorSnapshot;
use millstream_dataflow::state::encoding::TypeSignature;
use millstream_dataflow::state::snapshot::OperatorPart;
use millstream_model::error::{Failure, Result};
use millstream_model::id::{CheckpointId, OperatorUid, Subtask};
use millstream_state::{CheckpointName, SubtaskState, SubtaskWork};

use super::checkpoints::Checkpoints;
use super::ending::Threads;
use super::{Counters, store_failure};
use crate::channel::Inbox;
use crate::plan::Plan;
use crate::subtask::{self, Command, Event, TaskId, TaskSetup};

/// The name of the operator state that holds what an enumerator knows.
const ENUMERATOR: &str = "enumerator";
/// How long an ask of the job's owner may wait to be heard.
const LISTEN: Duration = Duration::from_millis(10);

/// What the job's owner asks for.
pub(crate) enum Ask {
    Cancel,
    Stop,
    Savepoint(Sender<Result<String>>),
}

/// How an attempt ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Finished,
    Stopped,
}

/// A checkpoint on its way.
struct Pending {
    name: CheckpointName,
    begun: Instant,
    missing: HashSet<TaskId>,
    uploads: usize,
    parts: Vec<SubtaskState>,
    is_last: bool,
    answer: Option<Sender<Result<String>>>,
}

/// What the uploader has to say of a piece of work.
type Stored = (CheckpointName, Result<SubtaskState>);

pub(crate) struct Attempt<'a> {
    plan: &'a Arc<Plan>,
    checkpoints: &'a mut Checkpoints,
    commands: HashMap<TaskId, Sender<Command>>,
    enumerators: HashMap<usize, Box<dyn AnyEnumerator>>,
    events: Receiver<Event>,
    uploads: Sender<(CheckpointName, String, SubtaskWork)>,
    stored: Receiver<Stored>,
    all: HashSet<TaskId>,
    ended: HashSet<TaskId>,
    pending: Option<Pending>,
    next_checkpoint: Option<Instant>,
    failures_in_row: u32,
    stopping: bool,
}

impl<'a> Attempt<'a> {
    /// Runs the job from what `checkpoints` has until it ends.
    pub(crate) fn run(
        plan: &'a Arc<Plan>,
        checkpoints: &'a mut Checkpoints,
        asks: &Receiver<Ask>,
        counters: &Arc<Counters>,
    ) -> Result<Outcome> {
        let restored = checkpoints.begin_attempt()?;
        let enumerators = enumerators(plan, restored.as_deref())?;
        let capacity = plan.channel_capacity();
        let inbox = |channels: &usize| Inbox::new(*channels, capacity, counters.gauge.clone());
        let inboxes: Arc<Vec<Vec<Arc<Inbox>>>> =
            Arc::new(plan.inputs.iter().map(|chain| chain.iter().map(inbox).collect()).collect());
        let cancelled = Arc::new(AtomicBool::new(false));
        let (events_in, events) = channel();
        let (uploads, uploading) = channel::<(CheckpointName, String, SubtaskWork)>();
        let (stored_in, stored) = channel();
        let mut threads = Threads::default();
        let store = checkpoints.store().cloned();
        let uploader = move || {
            for (name, label, work) in uploading {
                let written = match &store {
                    Some(store) => store.write_subtask(name, &label, work).map_err(store_failure),
                    None => Ok(SubtaskState::default()),
                };
                if stored_in.send((name, written)).is_err() {
                    return;
                }
            }
        };
        threads.add("uploader".into(), spawn("uploader", uploader)?);
        let mut commands = HashMap::new();
        let mut failed = None;
        for (number, chain) in plan.chains.iter().enumerate() {
            for subtask in 0..chain.parallelism {
                let id = TaskId { chain: number, subtask };
                let (command_in, command) = channel();
                commands.insert(id, command_in);
                let setup = TaskSetup {
                    id,
                    plan: plan.clone(),
                    inboxes: inboxes.clone(),
                    commands: command,
                    events: events_in.clone(),
                    restore: restored.clone(),
                    counters: counters.clone(),
                    cancelled: cancelled.clone(),
                };
                let head = &plan.graph.nodes()[chain.nodes[0].0 as usize].name;
                let name = format!("{head} {}/{}", subtask + 1, chain.parallelism);
                match spawn(&name, move || subtask::run(setup)) {
                    Ok(thread) => threads.add(name, thread),
                    Err(failure) => failed = Some(failure),
                }
            }
        }
        drop(events_in);
        let all = commands.keys().copied().collect();
        let interval = plan.settings.checkpoints.as_ref().map(|settings| settings.interval);
        let mut attempt = Attempt {
            plan,
            checkpoints,
            commands,
            enumerators,
            events,
            uploads,
            stored,
            all,
            ended: HashSet::new(),
            pending: None,
            next_checkpoint: interval.map(|interval| Instant::now() + interval),
            failures_in_row: 0,
            stopping: false,
        };
        let result = match failed {
            Some(failure) => Err(failure),
            None => attempt.coordinate(asks),
        };
        for command in attempt.commands.values() {
            let _ = command.send(Command::Finish);
        }
        cancelled.store(true, Ordering::Relaxed);
        inboxes.iter().flatten().for_each(|inbox| inbox.cancel());
        drop(attempt);
        let joined = threads.join(plan.settings.cancel_timeout);
        match (result, joined) {
            (Ok(outcome), Ok(())) => Ok(outcome),
            (Err(failure), Ok(())) | (Ok(_), Err(failure)) => Err(failure),
            (Err(failure), Err(stuck)) => Err(failure.advice(stuck.to_string())),
        }
    }

    fn coordinate(&mut self, asks: &Receiver<Ask>) -> Result<Outcome> {
        loop {
            match self.events.recv_timeout(LISTEN) {
                Ok(event) => self.take(event)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::internal("all subtasks are gone before the job was done"));
                }
            }
            while let Ok(ask) = asks.try_recv() {
                self.answer(ask)?;
            }
            while let Ok((name, written)) = self.stored.try_recv() {
                self.uploaded(name, written)?;
            }
            if self.finish_checkpoint()? {
                return Ok(if self.stopping { Outcome::Stopped } else { Outcome::Finished });
            }
            self.give_up_late_checkpoint()?;
            self.begin_due_checkpoint()?;
        }
    }

    fn take(&mut self, event: Event) -> Result<()> {
        match event {
            Event::NeedSplit(task) => self.hand_out(task),
            Event::Snapshot { task, checkpoint, snapshots } => self.snapshot(task, checkpoint, snapshots),
            Event::Ended(task) => {
                self.ended.insert(task);
                Ok(())
            }
            Event::Failed(failure) => Err(failure),
            Event::Exited(task) => Err(Failure::internal(format!(
                "subtask {} of chain {} ended before the job was done",
                task.subtask, task.chain
            ))),
        }
    }

    fn hand_out(&mut self, task: TaskId) -> Result<()> {
        if self.stopping {
            return Ok(());
        }
        let Some(enumerator) = self.enumerators.get_mut(&task.chain) else {
            return Err(Failure::internal("a subtask without a source asked for a split"));
        };
        let subtask = Subtask { index: task.subtask, of: self.plan.chains[task.chain].parallelism };
        let head = self.plan.chains[task.chain].nodes[0].0 as usize;
        let (name, uid) = (&self.plan.graph.nodes()[head].name, &self.plan.uids[head]);
        let next = enumerator.next_split(subtask).map_err(|failure| failure.in_all_of(name, uid))?;
        let command = match next {
            NextSplit::Split(split) => Command::Split(split),
            NextSplit::Wait => Command::Wait,
            NextSplit::NoMore => Command::NoMoreSplits,
        };
        self.tell(task, command);
        Ok(())
    }

    /// A subtask that is gone has said why, or will.
    fn tell(&self, task: TaskId, command: Command) {
        if let Some(commands) = self.commands.get(&task) {
            let _ = commands.send(command);
        }
    }

    fn sources(&self) -> impl Iterator<Item = TaskId> + '_ {
        self.all.iter().copied().filter(|task| self.plan.chains[task.chain].is_source)
    }

    fn answer(&mut self, ask: Ask) -> Result<()> {
        match ask {
            Ask::Cancel => Err(Failure::cancelled()),
            Ask::Stop => {
                self.stopping = true;
                let drain = self.checkpoints.store().is_none();
                self.sources().for_each(|task| self.tell(task, Command::Stop { drain }));
                Ok(())
            }
            Ask::Savepoint(answer) if self.checkpoints.store().is_none() => {
                let _ = answer
                    .send(Err(Failure::user("the job has no checkpoint folder to put a savepoint into")
                        .advice("give the job one with its checkpoint settings")));
                Ok(())
            }
            Ask::Savepoint(answer) if self.pending.is_some() => {
                let busy =
                    "another checkpoint is on its way; ask for the savepoint again when it is complete";
                let _ = answer.send(Err(Failure::external(busy)));
                Ok(())
            }
            Ask::Savepoint(answer) => self.begin_checkpoint(true, Some(answer)),
        }
    }

    /// Whether all that is to come has come: the next checkpoint is the last.
    fn is_at_end(&self) -> bool {
        let stopped_short = self.stopping && self.checkpoints.store().is_some();
        match stopped_short {
            true => self.sources().all(|task| self.ended.contains(&task)),
            false => self.ended.len() == self.all.len(),
        }
    }

    fn begin_due_checkpoint(&mut self) -> Result<()> {
        if self.pending.is_some() {
            return Ok(());
        }
        let due = self.next_checkpoint.is_some_and(|at| at <= Instant::now());
        if self.is_at_end() || (due && !self.stopping) { self.begin_checkpoint(false, None) } else { Ok(()) }
    }

    fn begin_checkpoint(&mut self, savepoint: bool, answer: Option<Sender<Result<String>>>) -> Result<()> {
        let name = self.checkpoints.next_name(savepoint);
        let is_last = self.is_at_end();
        let mut work = SubtaskWork::default();
        for (chain, enumerator) in &mut self.enumerators {
            let head = self.plan.chains[*chain].nodes[0].0 as usize;
            let part = OperatorPart {
                name: ENUMERATOR.into(),
                signature: TypeSignature::of::<Vec<u8>>(),
                schema_version: 1,
                entries: vec![enumerator.snapshot()?],
            };
            let snapshot = OperatorSnapshot { keyed: Vec::new(), operator: vec![part] };
            work.operators.push((self.plan.uids[head].to_string(), snapshot));
        }
        self.pending = Some(Pending {
            name,
            begun: Instant::now(),
            missing: self.all.clone(),
            uploads: 0,
            parts: Vec::new(),
            is_last,
            answer,
        });
        self.upload(name, "coordinator".into(), work);
        let barrier = Barrier { checkpoint: CheckpointId(name.id) };
        self.sources().for_each(|task| self.tell(task, Command::Barrier(barrier)));
        Ok(())
    }

    fn upload(&mut self, name: CheckpointName, label: String, work: SubtaskWork) {
        if let Some(pending) = &mut self.pending {
            pending.uploads += 1;
        }
        // The uploader lives as long as the attempt.
        let _ = self.uploads.send((name, label, work));
    }

    fn snapshot(
        &mut self,
        task: TaskId,
        checkpoint: CheckpointId,
        snapshots: Vec<(OperatorUid, OperatorSnapshot)>,
    ) -> Result<()> {
        let mut work = SubtaskWork::default();
        for (uid, mut snapshot) in snapshots {
            self.checkpoints.take_staged(checkpoint, task.subtask, &uid, &mut snapshot);
            work.operators.push((uid.to_string(), snapshot));
        }
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.name.id == checkpoint.0) else {
            return Ok(());
        };
        pending.missing.remove(&task);
        let name = pending.name;
        self.upload(name, format!("{}-{}", task.chain, task.subtask), work);
        Ok(())
    }

    fn uploaded(&mut self, name: CheckpointName, written: Result<SubtaskState>) -> Result<()> {
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.name == name) else {
            return Ok(());
        };
        match written {
            Ok(state) => {
                pending.uploads -= 1;
                pending.parts.push(state);
                Ok(())
            }
            Err(failure) => self.checkpoint_failed(failure),
        }
    }

    /// Completes the checkpoint once all parts are there. Gives whether it was the last of the job.
    fn finish_checkpoint(&mut self) -> Result<bool> {
        let is_whole = |pending: &&mut Pending| pending.missing.is_empty() && pending.uploads == 0;
        if self.pending.as_mut().filter(is_whole).is_none() {
            return Ok(false);
        }
        let Some(pending) = self.pending.take() else { return Ok(false) };
        self.checkpoints.complete(pending.name, pending.parts)?;
        self.failures_in_row = 0;
        if let Some(settings) = &self.plan.settings.checkpoints {
            let next = (pending.begun + settings.interval).max(Instant::now() + settings.min_pause);
            self.next_checkpoint = Some(next);
        }
        let id = CheckpointId(pending.name.id);
        self.sources().for_each(|task| self.tell(task, Command::Completed(id)));
        if let Some(answer) = pending.answer {
            let _ = answer.send(Ok(pending.name.to_string()));
        }
        Ok(pending.is_last)
    }

    fn give_up_late_checkpoint(&mut self) -> Result<()> {
        let Some(settings) = &self.plan.settings.checkpoints else { return Ok(()) };
        let Some(pending) = &self.pending else { return Ok(()) };
        if pending.begun.elapsed() < settings.timeout {
            return Ok(());
        }
        let missing = pending.missing.iter().map(|task| {
            let head = self.plan.chains[task.chain].nodes[0].0 as usize;
            format!("`{}` subtask {}", self.plan.graph.nodes()[head].name, task.subtask + 1)
        });
        let missing = missing.collect::<Vec<_>>().join(", ");
        let text =
            format!("{} was not complete within {:?}; missing: {missing}", pending.name, settings.timeout);
        self.checkpoint_failed(Failure::external(text))
    }

    fn checkpoint_failed(&mut self, failure: Failure) -> Result<()> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        self.failures_in_row += 1;
        if let Some(answer) = pending.answer {
            let _ = answer.send(Err(Failure::external(failure.to_string())));
        }
        let Some(settings) = &self.plan.settings.checkpoints else { return Err(failure) };
        self.next_checkpoint = Some(Instant::now() + settings.interval);
        if self.failures_in_row > settings.tolerable_failures || pending.is_last {
            return Err(failure.advice(format!(
                "{} checkpoints failed in a row, {} are tolerated",
                self.failures_in_row, settings.tolerable_failures
            )));
        }
        tracing::warn!(%failure, checkpoint = %pending.name, "a checkpoint failed; the job goes on");
        Ok(())
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|error| Failure::external(format!("the thread `{name}` cannot be started")).because(error))
}

type From<'a> = Option<&'a (super::Store, millstream_state::Manifest)>;

/// The enumerator of each source chain, with the splits that readers had.
fn enumerators(plan: &Plan, from: From<'_>) -> Result<HashMap<usize, Box<dyn AnyEnumerator>>> {
    let mut made = HashMap::new();
    for (number, chain) in plan.chains.iter().enumerate().filter(|(_, chain)| chain.is_source) {
        let index = chain.nodes[0].0 as usize;
        let NodeKind::Source(source) = &plan.graph.nodes()[index].kind else { continue };
        let (mut known, mut splits) = (None, Vec::new());
        if let Some((store, manifest)) = from {
            let max = plan.settings.max_parallelism;
            let mut state =
                store.restore(manifest, plan.uids[index].as_str(), 0, 1, max).map_err(store_failure)?;
            known = state.claim_entries(ENUMERATOR).into_iter().next();
            splits = state.claim_entries(SPLITS);
        }
        let place = |failure: Failure| failure.in_all_of(&plan.graph.nodes()[index].name, &plan.uids[index]);
        made.insert(number, source.enumerator(known, splits).map_err(place)?);
    }
    Ok(made)
}
