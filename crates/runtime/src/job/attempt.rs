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
use millstream_state::Manifest;

use super::checkpoints::Checkpoints;
use super::coordinator::{Coordinator, ENUMERATOR, Outcome};
use super::crew::{Crew, Start};
use super::message::{Events, Message};
use super::{Counters, Store, store_failure};
use crate::plan::Plan;
use crate::subtask::{Part, Parts, Threads};
use crate::sync::mpsc::channel;
use crate::sync::{Receiver, Sender};

/// Why an attempt did not end well.
#[derive(Debug)]
pub(super) enum Broken {
    /// The job may be started again.
    Again(Failure),
    /// It is started again, whatever the restart strategy says of failures: a process that ran some of it is gone.
    Lost(Failure),
    /// It is started again at once: there is room for more subtasks.
    Outgrown(Failure),
    /// It may not: it was to end anyway, or something of this attempt still runs.
    ForGood(Failure),
}

impl Broken {
    fn into_failure(self) -> Failure {
        let (Self::Again(failure) | Self::Lost(failure) | Self::Outgrown(failure) | Self::ForGood(failure)) =
            self;
        failure
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Again(failure) | Self::Lost(failure) | Self::Outgrown(failure) | Self::ForGood(failure)) =
            self;
        failure.fmt(f)
    }
}

/// What an attempt is made with.
pub(super) struct Attempt<'a> {
    pub(super) plan: &'a Arc<Plan>,
    /// Of this job in this process, from 1.
    pub(super) number: u64,
    pub(super) checkpoints: &'a mut Checkpoints,
    pub(super) crew: &'a mut dyn Crew,
    pub(super) counters: &'a Arc<Counters>,
    pub(super) messages: &'a Receiver<Message>,
    /// The other end of `messages`.
    pub(super) to_coordinator: &'a Sender<Message>,
}

impl Attempt<'_> {
    /// Runs the job from what `checkpoints` has until it ends.
    pub(super) fn run(self) -> Result<Outcome, Broken> {
        let (plan, mut threads) = (self.plan, Threads::default());
        let restore = self.checkpoints.begin_attempt().map_err(|failure| match failure {
            // While it committed what an attempt before it had staged.
            failure if failure.is_cancelled() => Broken::ForGood(failure),
            failure => Broken::Again(failure),
        })?;
        let enumerators = enumerators(plan, restore.as_deref()).map_err(Broken::Again)?;
        let events = Events::Here(self.to_coordinator.clone());
        let store = self.checkpoints.store().cloned();
        let (own_parts, parts) = channel::<Option<Part>>();
        let writer = Parts::new(store.clone(), events.clone());
        let write = move || writer.write_all(&parts);
        threads.start("coordinator's uploader".into(), write).map_err(Broken::Again)?;

        let counters = self.counters;
        let (attempt, messages) = (self.number, self.messages);
        let start = Start { plan, attempt, store, restore, counters, events: &events, messages };
        let (team, started) = self.crew.start(&start);
        let mut coordinator = Coordinator::new(plan, self.checkpoints, &*team, enumerators, own_parts);
        let result = match started {
            Ok(()) => coordinator.run(self.messages),
            Err(broken) => Err(broken),
        };
        coordinator.dismiss(result.as_ref().err());
        let timeout = plan.settings.cancel_timeout;
        let left = team.leave(timeout).and_then(|()| threads.join(timeout));
        match (result, left) {
            (result, Ok(())) => result,
            (Ok(_), Err(stuck)) => Err(Broken::ForGood(stuck)),
            (Err(broken), Err(stuck)) => {
                Err(Broken::ForGood(broken.into_failure().advice(stuck.to_string())))
            }
        }
    }
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
