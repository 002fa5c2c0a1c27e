//! What the subtasks of this process hand over at barriers, on its way to the checkpoint folder.
//!
//! Answers for taking what sinks staged out of the snapshots, for encoding and writing the rest, and for telling the
//! coordinator. Runs on a thread of its own, so that no subtask waits for a disk.
//! Holds: what was staged is told even where the part could not be written: it is committed with a later checkpoint.

use std::time::Duration;

use millstream_dataflow::operator::Barrier;
use millstream_dataflow::sink::STAGED;
use millstream_dataflow::state::OperatorSnapshot;
use millstream_model::id::OperatorUid;
use millstream_state::{CheckpointName, Committable, SubtaskState, SubtaskWork};

use crate::control::{Happened, TaskId};
use crate::job::message::Events;
use crate::job::{Store, store_failure};
use crate::sync::Receiver;

/// A part of a checkpoint.
pub(crate) struct Part {
    /// The checkpoint.
    pub(crate) barrier: Barrier,
    /// Whose; `None` is the coordinator.
    pub(crate) task: Option<TaskId>,
    /// From the first of its channels' barriers to the last.
    pub(crate) alignment: Duration,
    /// By operator.
    pub(crate) snapshots: Vec<(OperatorUid, OperatorSnapshot)>,
}

/// Writes parts.
pub(crate) struct Parts {
    store: Option<Store>,
    events: Events,
}

impl Parts {
    pub(crate) fn new(store: Option<Store>, events: Events) -> Self {
        Self { store, events }
    }

    /// Writes the parts that come, until there is none given or nobody left who would.
    pub(crate) fn write_all(&self, parts: &Receiver<Option<Part>>) {
        parts.iter().map_while(|part| part).for_each(|part| self.write(part));
    }

    /// Writes a part, and says so.
    fn write(&self, part: Part) {
        let Part { barrier, task, alignment, snapshots } = part;
        let (mut work, mut staged) = (SubtaskWork::default(), Vec::new());
        for (uid, mut snapshot) in snapshots {
            staged.extend(take_staged(task, &uid, &mut snapshot));
            work.operators.push((uid.to_string(), snapshot));
        }
        let written = match &self.store {
            Some(store) => {
                let name = CheckpointName::of(barrier.checkpoint, barrier.kind);
                store.write_subtask(name, &label(task), work).map_err(store_failure)
            }
            None => Ok(SubtaskState::default()),
        };
        let alignment = u64::try_from(alignment.as_millis()).unwrap_or(u64::MAX);
        let checkpoint = barrier.checkpoint;
        self.events.send(Happened::Part { task, checkpoint, staged, alignment, written });
    }
}

/// The name of the file among those of the checkpoint.
fn label(task: Option<TaskId>) -> String {
    match task {
        Some(TaskId { chain, subtask }) => format!("{chain}-{subtask}"),
        None => "coordinator".into(),
    }
}

/// What a sink staged, taken out of its snapshot.
fn take_staged(task: Option<TaskId>, uid: &OperatorUid, snapshot: &mut OperatorSnapshot) -> Vec<Committable> {
    let Some(index) = snapshot.operator.iter().position(|part| part.name == STAGED) else {
        return Vec::new();
    };
    let subtask = task.map_or(0, |task| u16::try_from(task.subtask).unwrap_or(u16::MAX));
    let entries = snapshot.operator.swap_remove(index).entries;
    entries.into_iter().map(|data| Committable { uid: uid.to_string(), subtask, data }).collect()
}
