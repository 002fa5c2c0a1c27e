//! What reaches the coordinator of a job, through one channel and so in one order.
//!
//! Answers for who may say what. Not for what is done about it.
//! Holds: an ask that wants an answer gets one, or hears that the job has ended.

use std::sync::Arc;

use millstream_model::error::{Failure, Result};

use crate::control::Happened;
use crate::sync::Sender;

/// What the coordinator of a job hears.
pub(crate) enum Message {
    /// The job's owner wants something.
    Ask(Ask),
    /// A process that runs subtasks is gone.
    Lost(Failure),
    /// Whoever waits for something may look again whether it is there.
    Stir,
    /// Something happened in the attempt that runs.
    Event(Happened),
}

/// What the job's owner asks for.
pub(crate) enum Ask {
    /// End at once.
    Cancel,
    /// End in order.
    Stop,
    /// Take a savepoint, and tell its name.
    Savepoint(Sender<Result<String>>),
    /// End in order, with a savepoint as the last checkpoint, and tell its name.
    StopWithSavepoint(Sender<Result<String>>),
}

/// Where the threads of an attempt send their events.
#[derive(Clone)]
pub(crate) enum Events {
    /// To the coordinator, in this process.
    Here(Sender<Message>),
    /// To the coordinator, in another process.
    There(Arc<dyn Fn(Happened) + Send + Sync>),
}

impl Events {
    pub(crate) fn to(tell: impl Fn(Happened) + Send + Sync + 'static) -> Self {
        Self::There(Arc::new(tell))
    }

    /// Whether the coordinator is in another process.
    pub(crate) fn leave_the_process(&self) -> bool {
        matches!(self, Self::There(_))
    }

    /// A coordinator that is gone needs to hear nothing.
    pub(crate) fn send(&self, event: Happened) {
        match self {
            Self::Here(to) => drop(to.send(Message::Event(event))),
            Self::There(tell) => tell(event),
        }
    }
}
