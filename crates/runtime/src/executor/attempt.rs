//! The part of one attempt that runs here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millstream_model::error::{Failure, Result};
use millstream_network::Speaker;
use millstream_state::{CheckpointStore, LocalCopies};

use super::counted;
use crate::channel::{Break, Broke, Exchange};
use crate::control::{Deployment, ExecutorId, Happened, TaskId, TaskOrder, ToJob};
use crate::job::message::Events;
use crate::job::{Counters, other_plan, store_failure};
use crate::plan::Plan;
use crate::subtask::{Group, GroupSetup};

/// See the module.
pub(super) struct Attempt {
    number: u64,
    group: Group,
    plan: Arc<Plan>,
    counters: Arc<Counters>,
    master: Speaker<ToJob>,
    copies: Option<LocalCopies>,
    /// Set when nobody waits any more for state that is being written or read.
    over: Arc<AtomicBool>,
}

/// The process, as far as an attempt concerns it.
pub(super) struct Own<'a> {
    pub(super) id: ExecutorId,
    pub(super) exchange: &'a Arc<Exchange>,
    pub(super) master: &'a Speaker<ToJob>,
    /// Where copies of state are kept, if they are.
    pub(super) copies: Option<LocalCopies>,
}

impl Attempt {
    /// Lays the channels into the subtasks that are to run here.
    ///
    /// # Errors
    /// If the plan is another one here, or the checkpoint folder cannot be used.
    pub(super) fn lay(
        own: Own<'_>,
        plan: &Arc<Plan>,
        deployment: &Deployment,
        unwanted: &AtomicBool,
    ) -> Result<Self> {
        let Own { id: own, exchange, master, copies } = own;
        let master = master.clone();
        let plan = &plan.narrowed(deployment.most)?;
        check_plan(plan, deployment)?;
        let number = deployment.attempt;
        let tasks: Vec<TaskId> =
            plan.tasks().filter(|task| deployment.places[task.chain][task.subtask as usize] == own).collect();
        let over = Arc::<AtomicBool>::default();
        let store = match &plan.settings.checkpoints {
            Some(settings) => {
                let store = CheckpointStore::join(&settings.folder).map_err(store_failure)?;
                let store = store.given_up_with(over.clone());
                Some(Arc::new(copies.iter().cloned().fold(store, CheckpointStore::with_copies)))
            }
            None => None,
        };
        if let Some(copies) = &copies {
            // What an attempt before this one left unfinished, too.
            copies.forget_all_but(deployment.restore.as_ref().map(|manifest| manifest.checkpoint));
        }
        let restore = match (&store, &deployment.restore) {
            (Some(store), Some(manifest)) => Some(Arc::new((store.clone(), manifest.clone()))),
            _ => None,
        };
        let counters = Arc::new(Counters::new(plan.graph.nodes().len()));
        let (to_master, breaks) = (master.clone(), master.clone());
        let events = Events::to(move |what| tell(&to_master, number, what));
        let broke: Broke = Arc::new(move |failure, what| match what {
            Break::Lost => tell(&breaks, number, Happened::Lost(failure)),
            Break::Garbled => tell_failure(&breaks, number, failure),
        });
        let channels = exchange.lay(plan, deployment, &tasks, &counters, &broke, unwanted)?;
        let group = Group::new(GroupSetup {
            plan: plan.clone(),
            attempt: number,
            tasks,
            channels,
            store,
            restore,
            counters: counters.clone(),
            events,
        });
        Ok(Self { number, group, plan: plan.clone(), counters, master, copies, over })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Where copies of its state are kept, if they are.
    pub(super) fn copies(&self) -> Option<&LocalCopies> {
        self.copies.as_ref()
    }

    /// Starts the subtasks.
    pub(super) fn start(&mut self) {
        if let Err(failure) = self.group.start() {
            tell_failure(&self.master, self.number, failure);
        }
    }

    pub(super) fn tell(&self, task: TaskId, order: TaskOrder) {
        self.group.tell(task, order);
    }

    pub(super) fn counted(&self) -> ToJob {
        counted(self.number, &self.counters)
    }

    /// Ends the subtasks.
    ///
    /// # Errors
    /// Who did not end within the time that the settings allow.
    pub(super) fn leave(self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        self.group.leave(self.plan.settings.cancel_timeout)
    }
}

fn check_plan(plan: &Plan, deployment: &Deployment) -> Result<()> {
    let laid = plan.chains.iter().map(|chain| chain.parallelism as usize);
    let ordered = deployment.places.iter().map(Vec::len);
    if plan.fingerprint() == deployment.fingerprint && laid.eq(ordered) {
        return Ok(());
    }
    Err(other_plan("this process"))
}

/// Tells the master what happened in an attempt.
pub(super) fn tell(master: &Speaker<ToJob>, attempt: u64, what: Happened) {
    // A master that is gone is noticed where it is heard.
    let _ = master.say(&ToJob::Happened { attempt, what });
}

/// Tells the master why an attempt cannot go on.
pub(super) fn tell_failure(master: &Speaker<ToJob>, attempt: u64, failure: Failure) {
    tell(master, attempt, Happened::Failed(failure));
}
