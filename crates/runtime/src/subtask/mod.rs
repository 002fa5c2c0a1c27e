//! One thread of a job: a fused chain of operators, fed by a source's reader or by channels.
//!
//! Answers for driving a chain: records, control elements, flushes, ticks, snapshots, the end. Not for starting or
//! joining threads, nor for what a checkpoint consists of.
//! Holds: every event that the coordinator waits for is sent, or the failure that prevented it.

mod chain;
mod group;
mod parts;
mod receiver;
mod source;
mod threads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::operator::{BarrierPass, Cancelled, ChainContext, RestoreSource, Wakeup};
use millstream_dataflow::state::OperatorRestore;
use millstream_model::error::{Failure, Result};
use millstream_model::id::{OperatorUid, Subtask};
use millstream_model::key::range_of;
use millstream_state::{Manifest, Origin};

pub(crate) use group::{Group, GroupSetup};
pub(crate) use parts::{Part, Parts};
pub(crate) use threads::Threads;

use crate::channel::{Channels, Inbox};
use crate::control::{Happened, TaskId, TaskOrder};
use crate::job::message::Events;
use crate::job::{Counters, Store};
use crate::plan::Plan;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Receiver, Sender, now};

/// What a subtask is given.
pub(crate) struct TaskSetup {
    pub(crate) id: TaskId,
    /// Of all attempts at the job, from 1.
    pub(crate) attempt: u64,
    pub(crate) plan: Arc<Plan>,
    pub(crate) channels: Arc<Channels>,
    pub(crate) orders: Receiver<TaskOrder>,
    pub(crate) parts: Sender<Option<Part>>,
    pub(crate) events: Events,
    pub(crate) restore: Option<Arc<(Store, Manifest)>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) cancelled: Arc<AtomicBool>,
}

impl TaskSetup {
    fn subtask(&self) -> Subtask {
        Subtask { index: self.id.subtask, of: self.plan.chains[self.id.chain].parallelism }
    }

    fn context<'a>(&self, wakeup: &Wakeup, restore: &'a mut Restored) -> ChainContext<'a> {
        let Subtask { index, of } = self.subtask();
        let max = self.plan.settings.max_parallelism;
        // Both fit: parallelism is at most max parallelism.
        let narrow = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        ChainContext {
            subtask: self.subtask(),
            groups: range_of(narrow(index), narrow(of), max),
            max_parallelism: max,
            mode: self.plan.settings.mode,
            wakeup: wakeup.clone(),
            cancelled: Cancelled::when({
                let cancelled = self.cancelled.clone();
                move || cancelled.load(Ordering::Relaxed)
            }),
            restore,
        }
    }

    /// What is logged on its thread belongs to this.
    fn span(&self) -> tracing::Span {
        let chain = &self.plan.chains[self.id.chain];
        let operator = &self.plan.graph.nodes()[chain.nodes[0].0 as usize].name;
        let subtask = format_args!("{}/{}", self.id.subtask + 1, chain.parallelism);
        let (job, attempt) = (&self.plan.settings.name, self.attempt);
        tracing::info_span!("subtask", %job, %operator, %subtask, attempt)
    }

    fn snapshot_taken(&self, pass: BarrierPass, alignment: Duration) {
        let BarrierPass { barrier, snapshots } = pass;
        // Its receiver lives as long as the group.
        let _ = self.parts.send(Some(Part { barrier, task: Some(self.id), alignment, snapshots }));
    }

    fn inbox(&self) -> Result<Arc<Inbox>> {
        let none = || Failure::internal("a subtask runs where it has no channels");
        self.channels.inbox(self.id).ok_or_else(none)
    }
}

/// Runs a subtask on this thread, to its end.
pub(crate) fn run(setup: TaskSetup) {
    let (events, id) = (setup.events.clone(), setup.id);
    let _said_here = setup.span().entered();
    let inbox = setup.channels.inbox(id);
    let source = setup.plan.chains[id.chain].is_source;
    let run = if source { source::run } else { receiver::run };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(setup)));
    let failure = match result {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure),
        Err(_) => Some(Failure::internal(format!(
            "the thread of chain {}, subtask {} panicked",
            id.chain, id.subtask
        ))),
    };
    // Cancelled because a process beside this one is lost: whoever noticed that tells it, perhaps a moment later.
    let falls_with_others = failure.as_ref().is_some_and(Failure::is_cancelled) && events.leave_the_process();
    if let Some(failure) = failure.filter(|failure| !failure.is_cancelled()) {
        events.send(Happened::Failed(failure));
    }
    // Not before the failure is on its way: senders that are freed by this end, too, and are not to be heard first.
    if let Some(inbox) = inbox {
        inbox.cancel();
    }
    if !falls_with_others {
        events.send(Happened::Exited(id));
    }
}

/// Where the operators of one subtask get their state from.
pub(crate) struct Restored {
    from: Option<Arc<(Store, Manifest)>>,
    subtask: Subtask,
    max: millstream_model::key::MaxParallelism,
    begun: Instant,
    origin: Origin,
}

impl Restored {
    fn new(setup: &TaskSetup) -> Self {
        Self {
            from: setup.restore.clone(),
            subtask: setup.subtask(),
            max: setup.plan.settings.max_parallelism,
            begun: now(),
            origin: Origin::default(),
        }
    }

    /// Says what was read, and how long it took until the operators had it.
    fn tell(&self) {
        let Origin { local, store } = self.origin;
        if local + store > 0 {
            let milliseconds = now().saturating_duration_since(self.begun).as_millis();
            tracing::info!(local_bytes = local, store_bytes = store, milliseconds, "state is restored");
        }
    }
}

impl RestoreSource for Restored {
    fn restore(&mut self, uid: &OperatorUid) -> Result<OperatorRestore> {
        let Some(from) = &self.from else { return Ok(OperatorRestore::empty()) };
        let (store, manifest) = &**from;
        let narrow = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        let (index, of) = (narrow(self.subtask.index), narrow(self.subtask.of));
        let restored = store.restore_counted(manifest, uid.as_str(), (index, of), self.max, &mut self.origin);
        restored.map_err(crate::job::store_failure)
    }
}
