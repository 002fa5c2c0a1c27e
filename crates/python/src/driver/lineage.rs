//! Data sets and shuffles of Python objects, as the engine sees them.

use std::any::Any;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::{
    Block, Codec, Dataset, DatasetId, Dependency, FRAME, Lineage, Pull, Shuffle, ShuffleId, StorageLevel,
    Stored, TaskContext, VecPull,
};
use millstream_model::error::{Failure, Result};

use super::engine::Engine;
use super::plan::{Pickled, Planned, Recipe};
use crate::plan::{Cuts, Partitioner, Sink};

/// Records as they left an interpreter.
#[derive(Clone, Debug)]
pub(crate) struct Encoded(Arc<Vec<u8>>);

impl From<Arc<Vec<u8>>> for Encoded {
    fn from(bytes: Arc<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl Encoded {
    /// The bytes of a block, which must be one of ours.
    pub(super) fn of(any: Arc<dyn Any + Send + Sync>) -> Result<Arc<Vec<u8>>> {
        let encoded = any.downcast::<Self>();
        encoded.map(|block| Arc::clone(&block.0)).map_err(|_| Failure::internal("a block of another type"))
    }

    pub(super) fn bytes(&self) -> &Arc<Vec<u8>> {
        &self.0
    }
}

impl Block for Encoded {
    fn bytes(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, write: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.0.chunks(FRAME).try_for_each(write)
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// A data set. Its partitions are computed by tasks of a plan.
pub(crate) struct Node {
    pub(super) engine: Arc<Engine>,
    pub(super) id: DatasetId,
    pub(super) name: String,
    pub(super) partitions: usize,
    pub(super) recipe: Recipe,
    dependencies: Vec<Dependency>,
    level: Mutex<StorageLevel>,
}

impl Node {
    pub(super) fn new(engine: &Arc<Engine>, name: String, partitions: usize, recipe: Recipe) -> Arc<Self> {
        Self::numbered(engine, engine.stages.next_dataset(), name, partitions, recipe)
    }

    /// One that has a number already.
    pub(super) fn numbered(
        engine: &Arc<Engine>,
        id: DatasetId,
        name: String,
        partitions: usize,
        recipe: Recipe,
    ) -> Arc<Self> {
        let dependencies = recipe.dependencies();
        Arc::new(Self {
            engine: Arc::clone(engine),
            id,
            name,
            partitions,
            recipe,
            dependencies,
            level: Mutex::default(),
        })
    }

    fn level(&self) -> MutexGuard<'_, StorageLevel> {
        self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keep(&self, level: StorageLevel) {
        *self.level() = level;
    }

    pub(super) fn forget(&self) {
        *self.level() = StorageLevel::None;
        self.engine.stages.forget_cached(self.id);
    }

    /// Runs the task that makes a partition and gives it to `sink`.
    fn task(
        &self,
        partition: usize,
        sink: Sink,
        context: &TaskContext,
        planned: Planned,
    ) -> Result<Vec<Encoded>> {
        let blocks = self.engine.run_task(self.id, partition, sink, context, planned)?;
        Ok(blocks.into_iter().map(Encoded::from).collect())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // In an executor it is the driver who knows that nobody asks for it any more.
        if !self.engine.is_executor && self.storage() != StorageLevel::None {
            self.engine.stages.forget_cached(self.id);
        }
    }
}

impl Lineage for Node {
    fn id(&self) -> DatasetId {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &str {
        &self.name
    }

    /// Where the operation was called in the Python program is in the program's own traceback.
    fn called_at(&self) -> &'static Location<'static> {
        Location::caller()
    }

    fn partitions(&self) -> usize {
        self.partitions
    }

    fn dependencies(&self) -> &[Dependency] {
        &self.dependencies
    }

    fn storage(&self) -> StorageLevel {
        *self.level()
    }

    fn prepare(&self) -> Result<()> {
        Ok(())
    }
}

/// One record a partition: all of its records, encoded.
impl Dataset<Encoded> for Node {
    fn compute(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Pull<Encoded>>> {
        let planned = Planned::of(self, partition, task)?;
        Ok(Box::new(VecPull::from(self.task(partition, Sink::Collect, task, planned)?)))
    }

    fn codec(&self) -> Option<Codec<Encoded>> {
        None
    }
}

/// How pairs are given to reducers, with the function's bytes.
#[derive(Clone)]
pub(super) enum By {
    Hash,
    Range { function: Pickled, cuts: Cuts, ascending: bool },
    Function(Pickled),
    Turns,
}

/// A shuffle. Its blocks are kept as long as a data set can ask for them.
pub(crate) struct Exchange {
    engine: Arc<Engine>,
    id: ShuffleId,
    parent: Arc<Node>,
    reducers: usize,
    by: By,
}

impl Exchange {
    pub(super) fn new(parent: &Arc<Node>, reducers: usize, by: By) -> Arc<Self> {
        Self::numbered(&parent.engine, parent.engine.stages.next_shuffle(), parent, reducers, by)
    }

    /// One that has a number already.
    pub(super) fn numbered(
        engine: &Arc<Engine>,
        id: ShuffleId,
        parent: &Arc<Node>,
        reducers: usize,
        by: By,
    ) -> Arc<Self> {
        let engine = Arc::clone(engine);
        Arc::new(Self { engine, id, parent: Arc::clone(parent), reducers, by })
    }

    pub(super) fn number(&self) -> u64 {
        self.id.0
    }

    pub(super) fn shuffle(&self) -> ShuffleId {
        self.id
    }

    /// What it is made from.
    pub(super) fn of(&self) -> &Arc<Node> {
        &self.parent
    }

    pub(super) fn by(&self) -> &By {
        &self.by
    }

    pub(super) fn reducers(&self) -> usize {
        self.reducers
    }

    pub(super) fn maps(&self) -> usize {
        self.parent.partitions
    }
}

impl Shuffle for Exchange {
    fn id(&self) -> ShuffleId {
        self.id
    }

    fn parent(&self) -> Arc<dyn Lineage> {
        Arc::clone(&self.parent) as Arc<dyn Lineage>
    }

    fn write(&self, partition: usize, task: &TaskContext) -> Result<Vec<Stored>> {
        let mut planned = Planned::of(&self.parent, partition, task)?;
        let partitioner = match &self.by {
            By::Hash => Partitioner::Hash,
            By::Range { function, cuts, ascending } => Partitioner::Range {
                function: planned.attach(function)?,
                cuts: cuts.clone(),
                ascending: *ascending,
            },
            By::Function(function) => Partitioner::Function(planned.attach(function)?),
            By::Turns => Partitioner::Turns(partition as u64),
        };
        let sink = Sink::Shuffle { reducers: self.reducers as u64, partitioner };
        let blocks = self.parent.task(partition, sink, task, planned)?;
        Ok(blocks.into_iter().map(|block| Stored::Memory(Arc::new(block))).collect())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.engine.is_executor {
            self.engine.stages.forget_shuffle(self.id);
        }
    }
}
