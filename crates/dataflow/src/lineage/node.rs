//! The nodes of a lineage and what they depend on.

use std::panic::Location;
use std::sync::Arc;

use millstream_model::error::Result;
use millstream_model::record::Record;

use super::pull::Watched;
use super::{Codec, Pull, StorageLevel, Stored, TaskContext, kept};

/// The number of a data set within its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatasetId(pub u64);

/// The number of a shuffle within its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShuffleId(pub u64);

/// What a data set is made from.
#[derive(Clone)]
pub enum Dependency {
    /// Each partition needs a few of the parent's: computed in the same task.
    Narrow(Arc<dyn Lineage>),
    /// Each partition needs all of the parent's: a stage of its own, before this one.
    Shuffle(Arc<dyn Shuffle>),
}

/// A data set, whatever its records are.
pub trait Lineage: Send + Sync {
    /// Its number.
    fn id(&self) -> DatasetId;
    /// The operation that the program called to make it.
    fn name(&self) -> &str;
    /// What kind of data set it is: several operations make one of the same kind.
    fn kind(&self) -> &str;
    /// Where in the program the operation was called.
    fn called_at(&self) -> &'static Location<'static>;
    /// How many partitions it has.
    fn partitions(&self) -> usize;
    /// What it is made from.
    fn dependencies(&self) -> &[Dependency];
    /// Where its partitions are kept.
    fn storage(&self) -> StorageLevel;
    /// Called by the driver before any task of the data set's stage: for what needs a job of its own.
    ///
    /// # Errors
    /// Those of that job.
    fn prepare(&self) -> Result<()>;
}

/// A data set of records of type `T`.
pub trait Dataset<T>: Lineage {
    /// The records of one partition, from its parents.
    ///
    /// # Errors
    /// If they cannot be made.
    fn compute(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Pull<T>>>;

    /// How its records are written to disk, where that is known.
    fn codec(&self) -> Option<Codec<T>>;
}

/// The writing half of a shuffle.
pub trait Shuffle: Send + Sync {
    /// Its number.
    fn id(&self) -> ShuffleId;
    /// The data set that is shuffled.
    fn parent(&self) -> Arc<dyn Lineage>;
    /// Runs the map task of one partition of the parent, and gives the blocks that it leaves.
    ///
    /// # Errors
    /// As computing the parent.
    fn write(&self, partition: usize, task: &TaskContext) -> Result<Vec<Stored>>;
}

impl<T: Record> dyn Dataset<T> {
    /// The records of one partition: the kept ones, if the data set is kept and they are there; else computed, and kept
    /// if the data set is. They end with an error once the task is told to stop.
    ///
    /// # Errors
    /// As [`Dataset::compute`].
    pub fn read(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Pull<T>>> {
        let records = match self.storage() {
            StorageLevel::None => self.compute(partition, task)?,
            level => kept::read(self, level, partition, task)?,
        };
        Ok(Box::new(Watched { records, cancellation: task.cancellation.clone() }))
    }
}
