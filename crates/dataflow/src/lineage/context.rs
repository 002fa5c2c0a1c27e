//! What a task knows about itself.

use std::fmt;
use std::sync::Arc;

use super::Blocks;

/// One attempt at one partition of a stage, and the blocks that it may read.
#[derive(Clone)]
pub struct TaskContext {
    /// The partition of the stage's last data set, from 0.
    pub partition: usize,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Where blocks of other tasks are found.
    pub blocks: Arc<dyn Blocks>,
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskContext(partition {}, attempt {})", self.partition, self.attempt)
    }
}
