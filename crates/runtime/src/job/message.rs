//! What reaches the coordinator of a job, through one channel and so in one order.
//!
//! Answers for who may say what. Not for what is done about it.
//! Holds: an ask that wants an answer gets one, or hears that the job has ended.

use millstream_model::error::Result;

use crate::control::Happened;
use crate::sync::Sender;

/// What the coordinator of a job hears.
pub(crate) enum Message {
    /// The job's owner wants something.
    Ask(Ask),
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
}

/// Where the threads of an attempt send their events.
#[derive(Clone)]
pub(crate) struct Events(Sender<Message>);

impl Events {
    pub(crate) fn new(to: Sender<Message>) -> Self {
        Self(to)
    }

    /// A coordinator that is gone needs to hear nothing.
    pub(crate) fn send(&self, event: Happened) {
        let _ = self.0.send(Message::Event(event));
    }
}
