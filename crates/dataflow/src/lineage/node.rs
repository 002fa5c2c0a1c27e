//! The nodes of a lineage and what they depend on.

use std::sync::{Arc, Mutex, PoisonError};

use millstream_model::error::Result;
use millstream_model::record::Record;

use super::{Block, Pull, TaskContext, drain};
use crate::batch::{Batch, DEFAULT_BATCH};

/// The number of a data set within its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatasetId(pub u64);

/// The number of a shuffle within its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShuffleId(pub u64);

/// Where computed partitions are kept for the next action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StorageLevel {
    /// Nowhere: computed again each time.
    #[default]
    None,
    /// In memory, as values; a lost partition is computed again.
    MemoryOnly,
}

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
    /// The operation that made it.
    fn name(&self) -> &str;
    /// How many partitions it has.
    fn partitions(&self) -> usize;
    /// What it is made from.
    fn dependencies(&self) -> &[Dependency];
    /// Whether its partitions are kept.
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
}

/// The writing half of a shuffle.
pub trait Shuffle: Send + Sync {
    /// Its number.
    fn id(&self) -> ShuffleId;
    /// The data set that is shuffled.
    fn parent(&self) -> Arc<dyn Lineage>;
    /// How many blocks each map task leaves.
    fn reducers(&self) -> usize;
    /// Called by the driver before the first map task.
    ///
    /// # Errors
    /// Those of a job that it may need, such as sampling the keys.
    fn prepare(&self) -> Result<()>;
    /// Runs the map task of one partition of the parent: one block for each reducer.
    ///
    /// # Errors
    /// As computing the parent.
    fn write(&self, partition: usize, task: &TaskContext) -> Result<Vec<Arc<dyn Block>>>;
}

/// Records that several tasks may read, of types that need not be [`Sync`].
struct Kept<T>(Mutex<Vec<T>>);

struct KeptPull<T> {
    kept: Arc<Kept<T>>,
    next: usize,
}

impl<T: Record> Pull<T> for KeptPull<T> {
    fn next(&mut self) -> Result<Option<Batch<T>>> {
        let records = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = records.len().min(self.next + DEFAULT_BATCH);
        let run = records[self.next..end].to_vec();
        self.next = end;
        Ok((!run.is_empty()).then(|| Batch::from(run)))
    }
}

impl<T: Record> dyn Dataset<T> {
    /// The records of one partition: the kept ones, if the data set is cached and they are there; else computed, and
    /// kept if it is cached.
    ///
    /// # Errors
    /// As [`Dataset::compute`].
    pub fn read(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Pull<T>>> {
        if self.storage() == StorageLevel::None {
            return self.compute(partition, task);
        }
        let cached = task.blocks.cached(self.id(), partition).and_then(|any| any.downcast::<Kept<T>>().ok());
        let kept = match cached {
            Some(kept) => kept,
            None => {
                let records = drain(&mut *self.compute(partition, task)?)?;
                let kept = Arc::new(Kept(Mutex::new(records)));
                task.blocks.keep(self.id(), partition, Arc::clone(&kept) as Arc<_>);
                kept
            }
        };
        Ok(Box::new(KeptPull { kept, next: 0 }))
    }
}
