//! All subtasks in this process.

use std::time::Duration;

use millstream_model::error::Result;

use super::{Crew, Start, Team};
use crate::channel::Channels;
use crate::control::{TaskId, TaskOrder};
use crate::job::attempt::Broken;
use crate::subtask::{Group, GroupSetup};

/// The threads of this process.
pub(crate) struct Here;

impl Crew for Here {
    fn start(&mut self, start: &Start<'_>) -> (Box<dyn Team>, Result<(), Broken>) {
        let tasks: Vec<TaskId> = start.plan.tasks().collect();
        let mut group = Group::new(GroupSetup {
            plan: start.plan.clone(),
            attempt: start.attempt,
            channels: Channels::within(start.plan, &tasks, &start.counters.gauge),
            tasks,
            store: start.store.clone(),
            restore: start.restore.clone(),
            counters: start.counters.clone(),
            events: start.events.clone(),
        });
        let started = group.start().map_err(Broken::Again);
        (Box::new(group), started)
    }
}

impl Team for Group {
    fn tell(&self, task: TaskId, order: TaskOrder) {
        Group::tell(self, task, order);
    }

    fn leave(self: Box<Self>, timeout: Duration) -> Result<()> {
        Group::leave(*self, timeout)
    }
}
