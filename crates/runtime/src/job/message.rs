//! What reaches the coordinator of a job, through one channel and so in one order.
//!
//! Answers for who may say what. Not for what is done about it.
//! Holds: an ask that wants an answer gets one, or hears that the job has ended.

use millstream_dataflow::state::OperatorSnapshot;
use millstream_model::error::{Failure, Result};
use millstream_model::id::{CheckpointId, OperatorUid};
use millstream_state::{CheckpointName, SubtaskState};

use crate::subtask::TaskId;
use crate::sync::Sender;

/// What the coordinator of a job hears.
pub(crate) enum Message {
    /// The job's owner wants something.
    Ask(Ask),
    /// Something happened in the attempt that runs.
    Event(Event),
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

/// What the threads of an attempt tell its coordinator.
#[derive(Debug)]
pub(crate) enum Event {
    /// The reader has nothing to read.
    NeedSplit(TaskId),
    /// The chain's part of a checkpoint.
    Snapshot { task: TaskId, checkpoint: CheckpointId, snapshots: Vec<(OperatorUid, OperatorSnapshot)> },
    /// No record follows out of this subtask; `cut` if it is a source that was stopped before its end.
    Ended { task: TaskId, cut: bool },
    /// The uploader wrote a part of a checkpoint, or could not.
    Stored(CheckpointName, Result<SubtaskState>),
    /// It failed, and its thread is at its end.
    Failed(Failure),
    /// Its thread is at its end.
    Exited(TaskId),
}

/// Where the threads of an attempt send their events.
#[derive(Clone)]
pub(crate) struct Events(Sender<Message>);

impl Events {
    pub(crate) fn new(to: Sender<Message>) -> Self {
        Self(to)
    }

    /// A coordinator that is gone needs to hear nothing.
    pub(crate) fn send(&self, event: Event) {
        let _ = self.0.send(Message::Event(event));
    }
}
