//! The executors that take part in one attempt.
//!
//! Answers for what is known of each of them, and for passing what they tell to the job's coordinator. Not for choosing
//! them (`roster`) nor for connections (`master`).
//! Holds: who was lost is no longer waited for; a loss is told to the coordinator once.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};
use millstream_state::CheckpointName;

use super::super::Team;
use super::SETTLE;
use super::master::Master;
use crate::control::{Counted, Deployment, ExecutorId, Happened, Order, TaskId, TaskOrder, ToExecutor};
use crate::job::Counters;
use crate::job::message::Message;
use crate::sync::{Condvar, Mutex, MutexGuard, Sender, now, wait_until};

/// How much longer than the subtasks of an executor may take to end its answer may be on the way.
const ON_THE_WAY: Duration = Duration::from_secs(5);

/// How far an executor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It was told to lay its channels.
    Deploying,
    /// They are laid.
    Ready,
    /// Its subtasks have ended.
    Left,
    /// It is gone.
    Lost,
}

/// What is known of an attempt, shared with the threads that hear its executors.
pub(crate) struct Attending {
    members: Mutex<BTreeMap<ExecutorId, Standing>>,
    changed: Condvar,
    messages: Mutex<Sender<Message>>,
    counters: Arc<Counters>,
}

impl Attending {
    fn pass_on(&self, message: Message) {
        // A job that has ended needs to hear nothing.
        let _ = self.messages.lock().unwrap_or_else(PoisonError::into_inner).send(message);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ExecutorId, Standing>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, executor: ExecutorId, standing: Standing) {
        if let Some(known) = self.lock().get_mut(&executor) {
            *known = standing;
        }
        self.changed.notify_all();
        self.pass_on(Message::Stir);
    }

    /// Its channels are laid.
    pub(crate) fn ready(&self, executor: ExecutorId) {
        self.set(executor, Standing::Ready);
    }

    /// Its subtasks have ended.
    pub(crate) fn left(&self, executor: ExecutorId) {
        self.set(executor, Standing::Left);
    }

    /// It is gone.
    pub(crate) fn lost(&self, executor: ExecutorId, why: &str) {
        let took_part = {
            let mut members = self.lock();
            members.insert(executor, Standing::Lost).is_some_and(|was| was != Standing::Lost)
        };
        if took_part {
            self.pass_on(Message::Lost(Failure::external(format!("{executor} is gone: {why}"))));
        }
        self.changed.notify_all();
    }

    /// Something happened in one of its subtasks.
    pub(crate) fn happened(&self, what: Happened) {
        let message = match what {
            Happened::Lost(failure) => Message::Lost(failure),
            what => Message::Event(what),
        };
        self.pass_on(message);
    }

    /// What has passed there.
    pub(crate) fn counted(&self, executor: ExecutorId, counted: Counted) {
        self.counters.hear(executor, counted);
    }

    fn all_are(&self, standing: Standing) -> bool {
        self.lock().values().all(|known| *known == standing || *known == Standing::Lost)
    }
}

/// The team of an attempt on executors.
pub(crate) struct There {
    attempt: u64,
    places: Vec<Vec<ExecutorId>>,
    growth: Option<Growth>,
    attending: Arc<Attending>,
    master: Arc<Master>,
}

/// What a job waits for that runs in fewer slots than it could use.
struct Growth {
    number: u64,
    has: u32,
    wants: u32,
    /// The slots that were there last, and since when.
    room: Mutex<(u32, Instant)>,
}

impl There {
    /// The team of a deployment; nobody is told yet. It would have `wanted` slots if there were so many.
    pub(crate) fn new(
        deployment: &Deployment,
        wanted: Option<u32>,
        messages: Sender<Message>,
        counters: Arc<Counters>,
        master: Arc<Master>,
    ) -> Self {
        let members = deployment.peers.iter().map(|peer| (peer.executor, Standing::Deploying)).collect();
        let attending = Attending {
            members: Mutex::new(members),
            changed: Condvar::new(),
            messages: Mutex::new(messages),
            counters,
        };
        let (attempt, places) = (deployment.attempt, deployment.places.clone());
        let has =
            places.iter().map(|chain| u32::try_from(chain.len()).unwrap_or(u32::MAX)).max().unwrap_or(0);
        let number = deployment.number;
        let growth = wanted.map(|wants| Growth { number, has, wants, room: Mutex::new((has, now())) });
        Self { attempt, places, growth, attending: Arc::new(attending), master }
    }

    /// What its executors are heard with.
    pub(crate) fn attending(&self) -> &Arc<Attending> {
        &self.attending
    }

    /// Whether all channels are laid.
    pub(crate) fn is_ready(&self) -> bool {
        self.attending.all_are(Standing::Ready)
    }

    /// Tells all that are there.
    pub(crate) fn order_all(&self, order: &Order) {
        let members: Vec<ExecutorId> = {
            let members = self.attending.lock();
            members.iter().filter(|(_, standing)| **standing != Standing::Lost).map(|(id, _)| *id).collect()
        };
        members.into_iter().for_each(|executor| self.order(executor, order.clone()));
    }

    fn order(&self, executor: ExecutorId, order: Order) {
        self.master.say_to(executor, &ToExecutor::Order { attempt: self.attempt, order });
    }
}

impl Team for There {
    fn tell(&self, task: TaskId, order: TaskOrder) {
        let place = self.places.get(task.chain).and_then(|subtasks| subtasks.get(task.subtask as usize));
        if let Some(executor) = place {
            self.order(*executor, Order::Task(task, order));
        }
    }

    fn completed(&self, checkpoint: CheckpointName) {
        self.order_all(&Order::Completed(checkpoint));
    }

    fn is_outgrown(&self) -> bool {
        let Some(growth) = &self.growth else { return false };
        let there = self.master.slots_at(growth.number).min(growth.wants);
        let mut room = growth.room.lock().unwrap_or_else(PoisonError::into_inner);
        if room.0 != there {
            *room = (there, now());
        }
        there > growth.has && now() >= room.1 + SETTLE
    }

    fn leave(self: Box<Self>, timeout: Duration) -> Result<()> {
        self.order_all(&Order::Leave);
        let deadline = now() + timeout + ON_THE_WAY;
        let mut members = self.attending.lock();
        let is_there = |standing: &Standing| !matches!(standing, Standing::Left | Standing::Lost);
        while members.values().any(is_there) && now() < deadline {
            members = wait_until(&self.attending.changed, &self.attending.members, members, Some(deadline));
        }
        let late = members.iter().filter(|(_, standing)| is_there(standing));
        let late: Vec<String> = late.map(|(executor, _)| executor.to_string()).collect();
        drop(members);
        self.master.forget(self.attempt);
        if late.is_empty() {
            return Ok(());
        }
        // They are fenced: what they still send carries the number of an attempt that is over.
        tracing::warn!(attempt = self.attempt, executors = %late.join(", "), "executors did not say that they left");
        Ok(())
    }
}
