//! The subtasks of one attempt that run in this process.
//!
//! Answers for starting their threads, for bringing them their orders, and for ending them promptly. Not for what they do.
//! Holds: after `leave` no thread of the group is left, or the failure names it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_model::error::Result;
use millstream_state::Manifest;

use super::parts::{Part, Parts};
use super::threads::Threads;
use super::{TaskSetup, run};
use crate::channel::Channels;
use crate::control::{TaskId, TaskOrder};
use crate::job::message::Events;
use crate::job::{Counters, Store};
use crate::plan::Plan;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::mpsc::channel;
use crate::sync::{Receiver, Sender};

/// What a group is made with.
pub(crate) struct GroupSetup {
    pub(crate) plan: Arc<Plan>,
    /// Of all attempts at the job, from 1.
    pub(crate) attempt: u64,
    pub(crate) tasks: Vec<TaskId>,
    pub(crate) channels: Arc<Channels>,
    pub(crate) store: Option<Store>,
    pub(crate) restore: Option<Arc<(Store, Manifest)>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) events: Events,
}

/// Subtasks that run here.
pub(crate) struct Group {
    setup: GroupSetup,
    orders: BTreeMap<TaskId, Sender<TaskOrder>>,
    /// To the uploader, which ends when it is given nothing.
    parts: Option<Sender<Option<Part>>>,
    cancelled: Arc<AtomicBool>,
    threads: Threads,
}

impl Group {
    pub(crate) fn new(setup: GroupSetup) -> Self {
        let cancelled = Arc::new(AtomicBool::new(false));
        Self { setup, orders: BTreeMap::new(), parts: None, cancelled, threads: Threads::default() }
    }

    /// Starts all threads.
    ///
    /// # Errors
    /// If the system has no room for one; those before it run.
    pub(crate) fn start(&mut self) -> Result<()> {
        let (to_parts, parts) = channel::<Option<Part>>();
        self.parts = Some(to_parts.clone());
        let writer = Parts::new(self.setup.store.clone(), self.setup.events.clone());
        self.threads.start("uploader".into(), move || writer.write_all(&parts))?;
        for id in self.setup.tasks.clone() {
            let (order_in, order) = channel();
            self.orders.insert(id, order_in);
            let setup = self.task(id, order, to_parts.clone());
            let chain = &self.setup.plan.chains[id.chain];
            let head = &self.setup.plan.graph.nodes()[chain.nodes[0].0 as usize].name;
            let name = format!("{head} {}/{}", id.subtask + 1, chain.parallelism);
            self.threads.start(name, move || run(setup))?;
        }
        Ok(())
    }

    fn task(&self, id: TaskId, orders: Receiver<TaskOrder>, parts: Sender<Option<Part>>) -> TaskSetup {
        TaskSetup {
            id,
            attempt: self.setup.attempt,
            plan: self.setup.plan.clone(),
            channels: self.setup.channels.clone(),
            orders,
            parts,
            events: self.setup.events.clone(),
            restore: self.setup.restore.clone(),
            counters: self.setup.counters.clone(),
            cancelled: self.cancelled.clone(),
        }
    }

    /// Tells a subtask what to do, if it is one of these.
    pub(crate) fn tell(&self, task: TaskId, order: TaskOrder) {
        if let Some(orders) = self.orders.get(&task) {
            let _ = orders.send(order);
        }
    }

    /// Ends those that still run.
    ///
    /// # Errors
    /// Who did not end within `timeout`.
    pub(crate) fn leave(self, timeout: Duration) -> Result<()> {
        let Self { setup, orders, parts, cancelled, threads } = self;
        cancelled.store(true, Ordering::Relaxed);
        setup.channels.cancel();
        drop(orders);
        if let Some(parts) = parts {
            // Subtasks that do not end are not waited for by the uploader as well.
            let _ = parts.send(None);
        }
        threads.join(timeout)
    }
}
