//! The channels of one attempt, as far as this process has an end of them.
//!
//! Answers for finding the inbox of a subtask that runs here, and the sending end of a channel to one that runs here or
//! elsewhere.
//! Holds: after `cancel` nobody waits at any of them.

use std::collections::HashMap;
use std::sync::Arc;

use millstream_dataflow::exchange::ChannelSender;
use millstream_dataflow::graph::AnyExchange;
use millstream_model::error::{Failure, Result};

use super::{Gauge, Inbox, InboxSender, Meter};
use crate::control::TaskId;
use crate::plan::{Plan, Port};

/// The channels that lead to other processes.
pub(crate) trait Beyond: Send + Sync {
    /// The sending end of a channel whose receiver runs elsewhere, for the subtask with this meter.
    ///
    /// # Errors
    /// If it cannot be had.
    fn sender(
        &self,
        port: Port,
        exchange: &Arc<dyn AnyExchange>,
        meter: &Arc<Meter>,
    ) -> Result<Box<dyn ChannelSender>>;

    /// Wakes everybody who waits there with the news that the attempt is over.
    fn cancel(&self);
}

/// See the module.
pub(crate) struct Channels {
    inboxes: HashMap<TaskId, Arc<Inbox>>,
    beyond: Option<Arc<dyn Beyond>>,
}

impl Channels {
    /// The channels between these subtasks, all of which run here.
    pub(crate) fn within(plan: &Plan, tasks: &[TaskId], gauge: &Arc<Gauge>) -> Arc<Self> {
        Arc::new(Self { inboxes: inboxes(plan, tasks, gauge), beyond: None })
    }

    /// The channels into these subtasks, which run here, and out of them to `beyond`.
    pub(crate) fn across(inboxes: HashMap<TaskId, Arc<Inbox>>, beyond: Arc<dyn Beyond>) -> Arc<Self> {
        Arc::new(Self { inboxes, beyond: Some(beyond) })
    }

    /// The inbox of a subtask that runs here.
    pub(crate) fn inbox(&self, task: TaskId) -> Option<Arc<Inbox>> {
        self.inboxes.get(&task).cloned()
    }

    /// The sending end of a channel, for the subtask with this meter.
    ///
    /// # Errors
    /// If it cannot be had.
    pub(crate) fn sender(
        &self,
        port: Port,
        exchange: &Arc<dyn AnyExchange>,
        meter: &Arc<Meter>,
    ) -> Result<Box<dyn ChannelSender>> {
        let task = TaskId { chain: port.chain, subtask: port.subtask };
        match (self.inboxes.get(&task), &self.beyond) {
            (Some(inbox), _) => Ok(Box::new(InboxSender::new(inbox.clone(), port.channel, meter.clone()))),
            (None, Some(beyond)) => beyond.sender(port, exchange, meter),
            (None, None) => Err(Failure::internal(format!("there is no channel to {task:?}"))),
        }
    }

    /// Wakes everybody with the news that the attempt is over.
    pub(crate) fn cancel(&self) {
        self.inboxes.values().for_each(|inbox| inbox.cancel());
        if let Some(beyond) = &self.beyond {
            beyond.cancel();
        }
    }
}

/// An inbox for each of these subtasks.
pub(crate) fn inboxes(plan: &Plan, tasks: &[TaskId], gauge: &Arc<Gauge>) -> HashMap<TaskId, Arc<Inbox>> {
    let capacity = plan.channel_capacity();
    let inbox = |task: &TaskId| {
        let channels = plan.inputs[task.chain][task.subtask as usize];
        (*task, Inbox::new(channels, capacity, gauge.clone()))
    };
    tasks.iter().map(inbox).collect()
}
