//! One attempt at a job: its threads from the first to the last.
//!
//! Answers for starting everybody, and for stopping everybody promptly however the attempt ends. Not for what happens in
//! between (`coordinator`) nor for whether there is another attempt (`restart`).
//! Holds: after it no thread of the attempt is left, or the failure names it.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_dataflow::graph::NodeKind;
use millstream_dataflow::source::{AnyEnumerator, SPLITS};
use millstream_model::error::{Failure, Result};
use millstream_state::{CheckpointName, Manifest, SubtaskState, SubtaskWork};

use super::checkpoints::Checkpoints;
use super::coordinator::{Coordinator, ENUMERATOR, Outcome};
use super::ending::Threads;
use super::message::{Event, Events, Message};
use super::{Counters, Store, store_failure};
use crate::channel::Inbox;
use crate::plan::Plan;
use crate::subtask::{self, Command, TaskId, TaskSetup};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::mpsc::channel;
use crate::sync::{Receiver, Sender};

/// A part of a checkpoint on its way to the uploader: whose, the label of its file, what.
pub(super) type Upload = (CheckpointName, String, SubtaskWork);

/// Why an attempt did not end well.
#[derive(Debug)]
pub(super) enum Broken {
    /// The job may be started again.
    Again(Failure),
    /// It may not: it was to end anyway, or something of this attempt still runs.
    ForGood(Failure),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Again(failure) | Self::ForGood(failure)) = self;
        failure.fmt(f)
    }
}

/// What an attempt is made with.
pub(super) struct Attempt<'a> {
    pub(super) plan: &'a Arc<Plan>,
    pub(super) checkpoints: &'a mut Checkpoints,
    pub(super) counters: &'a Arc<Counters>,
    pub(super) messages: &'a Receiver<Message>,
    /// The other end of `messages`.
    pub(super) to_coordinator: &'a Sender<Message>,
}

impl Attempt<'_> {
    /// Runs the job from what `checkpoints` has until it ends.
    pub(super) fn run(self) -> Result<Outcome, Broken> {
        let (mut threads, timeout) = (Threads::default(), self.plan.settings.cancel_timeout);
        let result = self.run_on(&mut threads);
        match (result, threads.join(timeout)) {
            (result, Ok(())) => result,
            (Ok(_), Err(stuck)) => Err(Broken::ForGood(stuck)),
            (Err(Broken::Again(failure) | Broken::ForGood(failure)), Err(stuck)) => {
                Err(Broken::ForGood(failure.advice(stuck.to_string())))
            }
        }
    }

    /// Leaves the threads told to end.
    fn run_on(self, threads: &mut Threads) -> Result<Outcome, Broken> {
        let plan = self.plan;
        let restored = self.checkpoints.begin_attempt().map_err(|failure| match failure {
            // While it committed what an attempt before it had staged.
            failure if failure.is_cancelled() => Broken::ForGood(failure),
            failure => Broken::Again(failure),
        })?;
        let enumerators = enumerators(plan, restored.as_deref()).map_err(Broken::Again)?;
        let events = Events::new(self.to_coordinator.clone());
        let shared = Shared {
            plan: plan.clone(),
            inboxes: inboxes(plan, self.counters),
            restore: restored,
            counters: self.counters.clone(),
            cancelled: Arc::new(AtomicBool::new(false)),
            events: events.clone(),
        };
        let (uploads, uploading) = channel::<Upload>();
        let store = self.checkpoints.store().cloned();
        let uploader = move || uploading.iter().for_each(|part| upload(store.as_ref(), &events, part));
        let mut started = threads.start("uploader".into(), uploader);
        let mut commands = BTreeMap::new();
        for (number, chain) in plan.chains.iter().enumerate() {
            for subtask in 0..chain.parallelism {
                let id = TaskId { chain: number, subtask };
                let (command_in, command) = channel();
                commands.insert(id, command_in);
                let setup = shared.setup(id, command);
                let head = &plan.graph.nodes()[chain.nodes[0].0 as usize].name;
                let name = format!("{head} {}/{}", subtask + 1, chain.parallelism);
                started = started.and_then(|()| threads.start(name, move || subtask::run(setup)));
            }
        }
        let mut coordinator = Coordinator::new(plan, self.checkpoints, commands, enumerators, uploads);
        let result = match started {
            Ok(()) => coordinator.run(self.messages),
            Err(failure) => Err(Broken::Again(failure)),
        };
        coordinator.dismiss(result.as_ref().err());
        shared.cancelled.store(true, Ordering::Relaxed);
        shared.inboxes.iter().flatten().for_each(|inbox| inbox.cancel());
        result
    }
}

/// What all subtasks of an attempt are given.
struct Shared {
    plan: Arc<Plan>,
    inboxes: Arc<Vec<Vec<Arc<Inbox>>>>,
    restore: Option<Arc<(Store, Manifest)>>,
    counters: Arc<Counters>,
    cancelled: Arc<AtomicBool>,
    events: Events,
}

impl Shared {
    fn setup(&self, id: TaskId, commands: Receiver<Command>) -> TaskSetup {
        TaskSetup {
            id,
            plan: self.plan.clone(),
            inboxes: self.inboxes.clone(),
            commands,
            events: self.events.clone(),
            restore: self.restore.clone(),
            counters: self.counters.clone(),
            cancelled: self.cancelled.clone(),
        }
    }
}

fn inboxes(plan: &Plan, counters: &Counters) -> Arc<Vec<Vec<Arc<Inbox>>>> {
    let capacity = plan.channel_capacity();
    let inbox = |channels: &usize| Inbox::new(*channels, capacity, counters.gauge.clone());
    Arc::new(plan.inputs.iter().map(|chain| chain.iter().map(inbox).collect()).collect())
}

fn upload(store: Option<&Store>, events: &Events, (name, label, work): Upload) {
    let written = match store {
        Some(store) => store.write_subtask(name, &label, work).map_err(store_failure),
        None => Ok(SubtaskState::default()),
    };
    events.send(Event::Stored(name, written));
}

/// The enumerator of each source chain, with the splits that readers had.
fn enumerators(
    plan: &Plan,
    from: Option<&(Store, Manifest)>,
) -> Result<BTreeMap<usize, Box<dyn AnyEnumerator>>> {
    let mut made = BTreeMap::new();
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
