//! Who runs the subtasks of a job: threads of this process (`here`), or the executors of a cluster (`there`).
//!
//! Answers for the one face that the coordinator sees of both. Not for what a subtask does (`subtask`) nor for when one is
//! told what (`coordinator`).
//! Holds: a team that has left runs no subtask any more, or its answer names those that do.

mod here;
pub(crate) mod there;

use std::sync::Arc;
use std::time::Duration;

use millstream_model::error::Result;
use millstream_state::{CheckpointName, Manifest};

pub(crate) use here::Here;

use super::attempt::Broken;
use super::message::{Events, Message};
use super::{Counters, Store};
use crate::control::{TaskId, TaskOrder};
use crate::plan::Plan;
use crate::sync::Receiver;

/// What an attempt is started with.
pub(crate) struct Start<'a> {
    pub(crate) plan: &'a Arc<Plan>,
    /// Of this job in this process, from 1.
    pub(crate) attempt: u64,
    /// Where state is written, if anywhere.
    pub(crate) store: Option<Store>,
    /// Where state comes from, if from anywhere.
    pub(crate) restore: Option<Arc<(Store, Manifest)>>,
    /// What this process counts.
    pub(crate) counters: &'a Arc<Counters>,
    /// Where the subtasks tell what happens.
    pub(crate) events: &'a Events,
    /// What the job's owner asks for meanwhile, where a start takes long.
    pub(crate) messages: &'a Receiver<Message>,
}

/// Runs attempts, one after the other.
pub(crate) trait Crew {
    /// What the next attempt runs of `widest`: as many subtasks as there is room for.
    ///
    /// # Errors
    /// If the job is to end while it is waited for.
    fn plan(&mut self, widest: &Arc<Plan>, _: &Receiver<Message>) -> Result<Arc<Plan>, Broken> {
        Ok(widest.clone())
    }

    /// Starts all subtasks of the plan. Given back with an error as soon as there are some that have to leave.
    fn start(&mut self, start: &Start<'_>) -> (Box<dyn Team>, Result<(), Broken>);
}

/// The subtasks of one attempt.
pub(crate) trait Team {
    /// Tells a subtask what to do. One that is gone has said why, or will.
    fn tell(&self, task: TaskId, order: TaskOrder);

    /// A checkpoint is complete: nobody starts from one before it.
    fn completed(&self, _: CheckpointName) {}

    /// Whether there is room for more subtasks by now than the attempt has, and the job wants them.
    fn is_outgrown(&self) -> bool {
        false
    }

    /// Ends those that still run, and waits for their end.
    ///
    /// # Errors
    /// Which did not end within `timeout`.
    fn leave(self: Box<Self>, timeout: Duration) -> Result<()>;
}
