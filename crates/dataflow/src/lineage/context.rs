//! What a task knows about itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millstream_model::error::{Failure, Result};

use super::Blocks;

/// Tells the tasks of a job to stop. Cheap to clone; all clones say the same.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// From now on every [`Cancellation::check`] fails.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the job was told to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends a task that was told to stop.
    ///
    /// # Errors
    /// [`Failure::cancelled`], if the job was told to stop.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Failure::cancelled()) } else { Ok(()) }
    }
}

/// What the program says of a job, by name. The engine only hands it on.
pub type Properties = BTreeMap<String, String>;

/// One attempt at one partition of a stage, and the blocks that it may read.
#[derive(Clone)]
pub struct TaskContext {
    /// The partition of the stage's last data set, from 0.
    pub partition: usize,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Where blocks of other tasks are found.
    pub blocks: Arc<dyn Blocks>,
    /// Whether the task is to stop; asked before each run of records.
    pub cancellation: Cancellation,
    /// What the program says of the job.
    pub properties: Arc<Properties>,
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskContext(partition {}, attempt {})", self.partition, self.attempt)
    }
}
