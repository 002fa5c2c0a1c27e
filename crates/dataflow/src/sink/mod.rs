//! Where records go.
//!
//! Answers for the contract between a connector and the runtime: a writer in each subtask stages what it is given, and
//! a committer makes what was staged visible once the checkpoint is complete. Not for any connector in particular.
//! Holds: what was staged for a checkpoint is committed after its manifest is written, and perhaps again after a restart.

mod link;

pub use link::{AnyCommitter, AnySink, STAGED, SinkAdapter};

use std::time::Duration;

use millstream_model::error::Result;
use millstream_model::id::{CheckpointId, Subtask};
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use crate::batch::Batch;
use crate::operator::{Cancelled, Wakeup};
use crate::source::Promise;
use crate::state::StateData;

/// What a writer is told when it is made.
#[derive(Clone, Debug)]
pub struct WriterContext {
    /// The subtask that writes.
    pub subtask: Subtask,
    /// Asks for [`SinkWriter::on_time`].
    pub wakeup: Wakeup,
    /// Whether the job is being stopped at once.
    pub cancelled: Cancelled,
}

/// A writer of a sink's types.
pub type WriterOf<S> = Box<dyn SinkWriter<<S as Sink>::Record, <S as Sink>::Staged, <S as Sink>::State>>;

/// A sink: makes the writers (one for each subtask) and the committer (one for a job).
pub trait Sink: Send + Sync + 'static {
    /// What it takes.
    type Record: Record;
    /// What a writer stages and the committer commits, such as a file's name. `()` for a sink without a second phase.
    type Staged: StateData;
    /// What a writer needs to go on after a restart. `()` if nothing.
    type State: StateData;

    /// A short name, for people: `TextFiles`.
    fn name(&self) -> String;

    /// What holds across a kill when checkpoints are taken.
    fn promise(&self) -> Promise;

    /// Whether what it writes stays in the memory of the process that writes: then it has no place on a cluster.
    fn stays_in_the_process(&self) -> bool {
        false
    }

    /// Told, before the job starts, how long its checkpoints may take; only where it takes any.
    ///
    /// # Errors
    /// If the sink cannot keep for so long what it has staged.
    fn check_checkpoints(&self, timeout: Duration) -> Result<()> {
        let _ = timeout;
        Ok(())
    }

    /// A writer. `restored` holds the states that this subtask takes over; after a change of parallelism these may be
    /// several or none.
    ///
    /// # Errors
    /// If it cannot write.
    fn writer(&self, context: WriterContext, restored: Vec<Self::State>) -> Result<WriterOf<Self>>;

    /// The committer, for sinks with a second phase.
    ///
    /// # Errors
    /// If it cannot be made.
    fn committer(&self) -> Result<Option<Box<dyn Committer<Self::Staged>>>> {
        Ok(None)
    }
}

/// Writes the records of one subtask.
pub trait SinkWriter<T, Staged, State> {
    /// Takes all records out of `batch`.
    ///
    /// # Errors
    /// If they cannot be written; say where to.
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()>;

    /// Lets go of what is buffered, so that who watches the output sees it.
    ///
    /// # Errors
    /// If it cannot be written.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// The clock has come to a time asked for.
    ///
    /// # Errors
    /// If what was due could not be done.
    fn on_time(&mut self, now: Timestamp) -> Result<()> {
        let _ = now;
        Ok(())
    }

    /// Stages everything written so far that is to become visible with this checkpoint.
    ///
    /// # Errors
    /// If it cannot be staged.
    fn prepare(&mut self, checkpoint: CheckpointId) -> Result<Vec<Staged>> {
        let _ = checkpoint;
        Ok(Vec::new())
    }

    /// What is needed to go on from this checkpoint; comes after `prepare`.
    ///
    /// # Errors
    /// If it cannot be told.
    fn snapshot(&mut self) -> Result<Option<State>> {
        Ok(None)
    }

    /// No record follows; what `prepare` stages after this is the last.
    ///
    /// # Errors
    /// If it cannot be brought to an end.
    fn on_end(&mut self) -> Result<()> {
        self.flush()
    }
}

/// Makes what was staged visible.
pub trait Committer<Staged>: Send {
    /// Commits, or finds that it is committed already: after a restart the same is committed again.
    ///
    /// # Errors
    /// If it cannot be committed; nothing is lost by it, the commit is tried again.
    fn commit(&mut self, staged: Vec<Staged>) -> Result<()>;

    /// Told before the first commit how to see that the job is being stopped at once: a commit that waits for somebody ends
    /// then, with [`millstream_model::error::Failure::cancelled`]. What is left is committed when the job is started again.
    fn cancel_when(&mut self, cancelled: Cancelled) {
        let _ = cancelled;
    }
}
