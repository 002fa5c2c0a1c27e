//! The loop that coordinates one attempt.
//!
//! Answers for splits, barriers, savepoints, stopping and the end. Not for what a checkpoint consists of
//! (`checkpoints`), nor for when one is due (`pace`), nor for threads (`attempt`).
//! Holds: one checkpoint at a time; it is complete when every subtask's part of it is stored, and no sooner; who asked
//! for a savepoint is answered once; the failure given is the first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::operator::Barrier;
use millstream_dataflow::source::{AnyEnumerator, NextSplit};
use millstream_dataflow::state::OperatorSnapshot;
use millstream_dataflow::state::encoding::TypeSignature;
use millstream_dataflow::state::snapshot::OperatorPart;
use millstream_model::error::{Failure, Result};
use millstream_model::id::{CheckpointId, Subtask};
use millstream_model::time::Timestamp;
use millstream_state::{CheckpointName, SubtaskState};

use super::attempt::Broken;
use super::checkpoints::Checkpoints;
use super::crew::Team;
use super::message::{Ask, Message};
use super::pace::{Pace, Verdict};
use crate::control::{CheckpointRecord, Happened, TaskId, TaskOrder};
use crate::plan::Plan;
use crate::subtask::Part;
use crate::sync::{Receiver, RecvTimeoutError, Sender, now, receive_until};

/// The name of the operator state that holds what an enumerator knows.
pub(super) const ENUMERATOR: &str = "enumerator";

/// How an attempt ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// At the end of all input.
    Finished,
    /// A source was stopped before its end.
    Stopped,
}

/// A checkpoint on its way.
struct Pending {
    name: CheckpointName,
    begun: Instant,
    /// Whose part has not come; `None` is the coordinator's own.
    missing: BTreeSet<Option<TaskId>>,
    parts: Vec<SubtaskState>,
    /// The longest of all parts.
    alignment: u64,
    /// Of all parts, once they are there.
    bytes: u64,
    is_last: bool,
    answer: Option<Sender<Result<String>>>,
}

impl Pending {
    fn record(&self, failure: Option<String>) -> CheckpointRecord {
        let duration = now().saturating_duration_since(self.begun);
        let begun = Timestamp::now().millis() - i64::try_from(duration.as_millis()).unwrap_or(0);
        let duration = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        CheckpointRecord {
            name: self.name.to_string(),
            begun,
            duration,
            alignment: self.alignment,
            bytes: self.bytes,
            failure,
        }
    }
}

pub(super) struct Coordinator<'a> {
    plan: &'a Arc<Plan>,
    checkpoints: &'a mut Checkpoints,
    tasks: BTreeSet<TaskId>,
    team: &'a dyn Team,
    enumerators: BTreeMap<usize, Box<dyn AnyEnumerator>>,
    own_parts: Sender<Option<Part>>,
    ended: BTreeSet<TaskId>,
    pending: Option<Pending>,
    /// Who waits for a savepoint that has not begun.
    savepoints: VecDeque<Sender<Result<String>>>,
    pace: Pace,
    /// Sources were told to stop.
    stopping: bool,
    /// A source did so before its end.
    cut: bool,
    /// Who is to be told the name of the savepoint that the job ends with.
    farewell: Option<Sender<Result<String>>>,
    /// A process that ran some of it is gone.
    lost: bool,
    /// It ends so that another attempt takes more room.
    outgrown: bool,
}

impl<'a> Coordinator<'a> {
    pub(super) fn new(
        plan: &'a Arc<Plan>,
        checkpoints: &'a mut Checkpoints,
        team: &'a dyn Team,
        enumerators: BTreeMap<usize, Box<dyn AnyEnumerator>>,
        own_parts: Sender<Option<Part>>,
    ) -> Self {
        Self {
            plan,
            checkpoints,
            tasks: plan.tasks().collect(),
            team,
            enumerators,
            own_parts,
            ended: BTreeSet::new(),
            pending: None,
            savepoints: VecDeque::new(),
            pace: Pace::new(plan.settings.checkpoints.clone(), now()),
            stopping: false,
            cut: false,
            farewell: None,
            lost: false,
            outgrown: false,
        }
    }

    /// Listens until the job is done or fails.
    pub(super) fn run(&mut self, messages: &Receiver<Message>) -> Result<Outcome, Broken> {
        self.listen(messages).map_err(|failure| match failure {
            failure if failure.is_cancelled() => Broken::ForGood(failure),
            failure if self.stopping => {
                Broken::ForGood(failure.advice("the job was being stopped, so it is not started again"))
            }
            failure if self.outgrown => Broken::Outgrown(failure),
            failure if self.lost => Broken::Lost(failure),
            failure => Broken::Again(failure),
        })
    }

    fn listen(&mut self, messages: &Receiver<Message>) -> Result<Outcome> {
        loop {
            let message = match receive_until(messages, self.deadline()) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::internal("nobody is left who could end the job"));
                }
            };
            match message {
                Some(Message::Ask(ask)) => self.answer(ask)?,
                Some(Message::Event(event)) => self.take(event)?,
                Some(Message::Lost(failure)) => {
                    self.lost = true;
                    return Err(failure);
                }
                Some(Message::Stir) | None => {}
            }
            if self.finish_checkpoint()? {
                return Ok(if self.cut { Outcome::Stopped } else { Outcome::Finished });
            }
            self.give_up_late_checkpoint()?;
            self.begin_due_checkpoint()?;
        }
    }

    /// Lets all subtasks go, and answers who still waits.
    pub(super) fn dismiss(mut self, failure: Option<&Broken>) {
        self.tasks.iter().for_each(|task| self.team.tell(*task, TaskOrder::Finish));
        let begun = self.pending.take().and_then(|pending| pending.answer);
        let waiting = std::mem::take(&mut self.savepoints).into_iter().chain(self.farewell.take());
        for answer in begun.into_iter().chain(waiting) {
            let why = failure.map_or_else(|| "it ended".into(), ToString::to_string);
            let _ = answer.send(Err(Failure::external(format!(
                "the job did not live to see the savepoint complete: {why}"
            ))));
        }
    }

    /// When to look at the clock, whatever comes.
    fn deadline(&self) -> Option<Instant> {
        match &self.pending {
            Some(pending) => self.pace.give_up_at(pending.begun),
            None if self.stopping && !self.is_at_end() => None,
            None => self.pace.next(),
        }
    }

    fn take(&mut self, event: Happened) -> Result<()> {
        match event {
            Happened::NeedSplit(task) => self.hand_out(task),
            Happened::Part { task, checkpoint, staged, alignment, written } => {
                self.aligned(checkpoint, alignment);
                self.checkpoints.keep_staged(checkpoint, staged);
                self.part(task, checkpoint, written)
            }
            Happened::Ended { task, cut } => {
                self.ended.insert(task);
                self.cut |= cut;
                Ok(())
            }
            Happened::Failed(failure) => Err(failure),
            Happened::Lost(failure) => {
                self.lost = true;
                Err(failure)
            }
            Happened::Exited(task) => Err(Failure::internal(format!(
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
        let order = match next {
            NextSplit::Split(split) => TaskOrder::Split(split),
            NextSplit::Wait => TaskOrder::Wait,
            NextSplit::NoMore => TaskOrder::NoMoreSplits,
        };
        self.team.tell(task, order);
        Ok(())
    }

    fn is_source(&self, task: TaskId) -> bool {
        self.plan.chains[task.chain].is_source
    }

    fn tell_sources(&self, order: &TaskOrder) {
        let sources = self.tasks.iter().filter(|task| self.is_source(**task));
        sources.for_each(|task| self.team.tell(*task, order.clone()));
    }

    fn answer(&mut self, ask: Ask) -> Result<()> {
        match ask {
            Ask::Cancel => return Err(Failure::cancelled()),
            Ask::Stop => {
                self.stopping = true;
                let drain = self.checkpoints.store().is_none();
                self.tell_sources(&TaskOrder::Stop { drain });
            }
            Ask::Savepoint(answer) | Ask::StopWithSavepoint(answer) if self.checkpoints.store().is_none() => {
                let none = Failure::user("the job has no checkpoint folder to put a savepoint into")
                    .advice("give the job one with its checkpoint settings");
                let _ = answer.send(Err(none));
            }
            Ask::Savepoint(answer) => self.savepoints.push_back(answer),
            Ask::StopWithSavepoint(answer) => {
                self.farewell = Some(answer);
                self.answer(Ask::Stop)?;
            }
        }
        Ok(())
    }

    /// Whether all that is to come has come: the next checkpoint is the last.
    fn is_at_end(&self) -> bool {
        let stopped_short = self.stopping && self.checkpoints.store().is_some();
        let mut awaited = self.tasks.iter().filter(|task| !stopped_short || self.is_source(**task));
        awaited.all(|task| self.ended.contains(task))
    }

    fn begin_due_checkpoint(&mut self) -> Result<()> {
        if self.pending.is_some() {
            return Ok(());
        }
        // Before the next checkpoint: where one takes as long as the interval, a savepoint would never have its turn.
        if let Some(answer) = self.savepoints.pop_front() {
            return self.begin_checkpoint(true, Some(answer));
        }
        if self.is_at_end()
            && let Some(answer) = self.farewell.take()
        {
            return self.begin_checkpoint(true, Some(answer));
        }
        let due = match self.is_at_end() {
            // The last one waits for nothing, unless it failed and is tried again.
            true if !self.pace.is_troubled() => true,
            false if self.stopping => false,
            _ => self.pace.next().is_some_and(|at| at <= now()),
        };
        if due { self.begin_checkpoint(false, None) } else { Ok(()) }
    }

    fn begin_checkpoint(&mut self, savepoint: bool, answer: Option<Sender<Result<String>>>) -> Result<()> {
        let name = self.checkpoints.next_name(savepoint);
        let mut snapshots = Vec::new();
        for (chain, enumerator) in &mut self.enumerators {
            let head = self.plan.chains[*chain].nodes[0].0 as usize;
            let part = OperatorPart {
                name: ENUMERATOR.into(),
                signature: TypeSignature::of::<Vec<u8>>(),
                schema_version: 1,
                entries: vec![enumerator.snapshot()?],
            };
            let snapshot = OperatorSnapshot { keyed: Vec::new(), operator: vec![part] };
            snapshots.push((self.plan.uids[head].clone(), snapshot));
        }
        self.pending = Some(Pending {
            name,
            begun: now(),
            missing: self.tasks.iter().copied().map(Some).chain([None]).collect(),
            parts: Vec::new(),
            alignment: 0,
            bytes: 0,
            is_last: self.is_at_end(),
            answer,
        });
        let barrier = Barrier { checkpoint: CheckpointId(name.id), kind: name.kind };
        // Its receiver lives as long as the attempt.
        let _ = self.own_parts.send(Some(Part { barrier, task: None, alignment: Duration::ZERO, snapshots }));
        self.tell_sources(&TaskOrder::Barrier(barrier));
        Ok(())
    }

    fn aligned(&mut self, checkpoint: CheckpointId, alignment: u64) {
        if let Some(pending) = self.pending.as_mut().filter(|pending| pending.name.id == checkpoint.0) {
            pending.alignment = pending.alignment.max(alignment);
        }
    }

    fn part(
        &mut self,
        task: Option<TaskId>,
        checkpoint: CheckpointId,
        written: Result<SubtaskState>,
    ) -> Result<()> {
        let pending = self.pending.as_mut().filter(|pending| pending.name.id == checkpoint.0);
        let Some(pending) = pending.filter(|pending| pending.missing.contains(&task)) else { return Ok(()) };
        match written {
            Ok(state) => {
                pending.missing.remove(&task);
                pending.parts.push(state);
                Ok(())
            }
            Err(failure) => self.checkpoint_failed(failure),
        }
    }

    /// Completes the checkpoint once all parts are there. Gives whether it was the last of the job.
    fn finish_checkpoint(&mut self) -> Result<bool> {
        let is_whole = |pending: &&mut Pending| pending.missing.is_empty();
        let Some(pending) = self.pending.as_mut().filter(is_whole) else {
            return Ok(false);
        };
        pending.bytes = pending.parts.iter().map(|part| part.bytes).sum();
        let (name, parts) = (pending.name, std::mem::take(&mut pending.parts));
        let committables = match self.checkpoints.write(name, parts) {
            Ok(committables) => committables,
            Err(failure) => return self.checkpoint_failed(failure).map(|()| false),
        };
        let Some(pending) = self.pending.take() else { return Ok(false) };
        self.checkpoints.remember(pending.record(None));
        if let Some(answer) = pending.answer {
            let _ = answer.send(Ok(name.to_string()));
        }
        self.checkpoints.commit(&committables)?;
        self.checkpoints.collect_garbage();
        self.pace.completed(pending.begun, now());
        self.tell_sources(&TaskOrder::Completed(CheckpointId(name.id)));
        self.team.completed(name);
        // Now nothing is read twice.
        let nobody_waits = self.savepoints.is_empty() && !self.stopping;
        if !pending.is_last && nobody_waits && self.team.is_outgrown() {
            self.outgrown = true;
            return Err(Failure::external("there is room for more subtasks"));
        }
        Ok(pending.is_last)
    }

    fn give_up_late_checkpoint(&mut self) -> Result<()> {
        let Some(pending) = &self.pending else { return Ok(()) };
        let at = self.pace.give_up_at(pending.begun);
        if at.is_none_or(|at| now() < at) {
            return Ok(());
        }
        let missing = pending.missing.iter().flatten().map(|task| {
            let head = self.plan.chains[task.chain].nodes[0].0 as usize;
            format!("`{}` subtask {}", self.plan.graph.nodes()[head].name, task.subtask + 1)
        });
        let missing = missing.collect::<Vec<_>>();
        let missing =
            if missing.is_empty() { "what the sources' enumerators know".into() } else { missing.join(", ") };
        let timeout = self.plan.settings.checkpoints.as_ref().map_or_else(Default::default, |s| s.timeout);
        let text = format!("{} was not complete within {timeout:?}; missing: {missing}", pending.name);
        self.checkpoint_failed(Failure::external(text))
    }

    fn checkpoint_failed(&mut self, failure: Failure) -> Result<()> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        self.checkpoints.remember(pending.record(Some(failure.to_string())));
        if let Some(answer) = pending.answer {
            // Whoever asked is told; the job's own checkpoints go on.
            let _ = answer.send(Err(failure));
            return Ok(());
        }
        match self.pace.failed(now()) {
            Verdict::TooMany(failed) => {
                let tolerated = failed - 1;
                Err(failure
                    .advice(format!("checkpoints that failed in a row: {failed}; tolerated: {tolerated}")))
            }
            Verdict::Tolerated => {
                tracing::warn!(%failure, checkpoint = %pending.name, "a checkpoint failed; the job goes on");
                // On a full disk the next one needs the room that this one took.
                self.checkpoints.discard_unfinished();
                Ok(())
            }
        }
    }
}
