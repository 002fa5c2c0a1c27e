//! The handle a user holds, and the node of the lineage behind it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millstream_dataflow::lineage::{
    Block, Dataset, DatasetId, Dependency, Lineage, Pull, Shuffle, ShuffleId, StorageLevel, TaskContext,
};
use millstream_model::error::Result;
use millstream_model::record::Record;
use millstream_runtime::stage::StageEngine;

type Compute<T> = dyn Fn(usize, &TaskContext) -> Result<Box<dyn Pull<T>>> + Send + Sync;
type Prepare = Box<dyn Fn() -> Result<()> + Send + Sync>;
type Write = dyn Fn(usize, &TaskContext) -> Result<Vec<Arc<dyn Block>>> + Send + Sync;

/// A data set in partitions, described by how it is made. Cheap to clone; nothing runs before an action.
pub struct Rdd<T> {
    pub(super) engine: Arc<StageEngine>,
    pub(super) node: Arc<dyn Dataset<T>>,
    kept: Arc<AtomicBool>,
}

impl<T> Clone for Rdd<T> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), node: Arc::clone(&self.node), kept: Arc::clone(&self.kept) }
    }
}

impl<T> fmt::Debug for Rdd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rdd({}[{}], {} partitions)", self.node.name(), self.node.id().0, self.node.partitions())
    }
}

struct Node<T> {
    engine: Arc<StageEngine>,
    id: DatasetId,
    name: &'static str,
    partitions: usize,
    dependencies: Vec<Dependency>,
    kept: Arc<AtomicBool>,
    prepare: Option<Prepare>,
    compute: Box<Compute<T>>,
}

impl<T: Record> Lineage for Node<T> {
    fn id(&self) -> DatasetId {
        self.id
    }

    fn name(&self) -> &str {
        self.name
    }

    fn partitions(&self) -> usize {
        self.partitions
    }

    fn dependencies(&self) -> &[Dependency] {
        &self.dependencies
    }

    fn storage(&self) -> StorageLevel {
        if self.kept.load(Ordering::Relaxed) { StorageLevel::MemoryOnly } else { StorageLevel::None }
    }

    fn prepare(&self) -> Result<()> {
        self.prepare.as_ref().map_or(Ok(()), |prepare| prepare())
    }
}

impl<T: Record> Dataset<T> for Node<T> {
    fn compute(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Pull<T>>> {
        (self.compute)(partition, task)
    }
}

impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        if self.kept.load(Ordering::Relaxed) {
            self.engine.forget_cached(self.id);
        }
    }
}

impl<T: Record> Rdd<T> {
    pub(super) fn new(
        engine: &Arc<StageEngine>,
        name: &'static str,
        partitions: usize,
        dependencies: Vec<Dependency>,
        prepare: Option<Prepare>,
        compute: impl Fn(usize, &TaskContext) -> Result<Box<dyn Pull<T>>> + Send + Sync + 'static,
    ) -> Self {
        let kept = Arc::new(AtomicBool::new(false));
        let node = Arc::new(Node {
            engine: Arc::clone(engine),
            id: DatasetId(engine.next_id()),
            name,
            partitions,
            dependencies,
            kept: Arc::clone(&kept),
            prepare,
            compute: Box::new(compute),
        });
        Self { engine: Arc::clone(engine), node, kept }
    }

    /// This data set as what another is made from, in the same task.
    pub(super) fn narrow(&self) -> Dependency {
        Dependency::Narrow(Arc::clone(&self.node) as Arc<dyn Lineage>)
    }

    /// Keeps each partition in memory once it is computed.
    #[must_use]
    pub fn cache(&self) -> Self {
        self.persist(StorageLevel::MemoryOnly)
    }

    /// Keeps each partition at `level` once it is computed.
    #[must_use]
    pub fn persist(&self, level: StorageLevel) -> Self {
        if level == StorageLevel::None {
            return self.unpersist();
        }
        self.kept.store(true, Ordering::Relaxed);
        self.clone()
    }

    /// Lets go of what was kept, and keeps nothing more.
    #[must_use]
    pub fn unpersist(&self) -> Self {
        self.kept.store(false, Ordering::Relaxed);
        self.engine.forget_cached(self.node.id());
        self.clone()
    }

    /// The number of the data set, as lineage and errors show it.
    pub fn id(&self) -> DatasetId {
        self.node.id()
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> usize {
        self.node.partitions()
    }
}

/// A shuffle of which blocks are kept as long as a data set can ask for them.
struct Exchange {
    engine: Arc<StageEngine>,
    id: ShuffleId,
    parent: Arc<dyn Lineage>,
    reducers: usize,
    prepare: Option<Prepare>,
    write: Box<Write>,
}

impl Shuffle for Exchange {
    fn id(&self) -> ShuffleId {
        self.id
    }

    fn parent(&self) -> Arc<dyn Lineage> {
        Arc::clone(&self.parent)
    }

    fn reducers(&self) -> usize {
        self.reducers
    }

    fn prepare(&self) -> Result<()> {
        self.prepare.as_ref().map_or(Ok(()), |prepare| prepare())
    }

    fn write(&self, partition: usize, task: &TaskContext) -> Result<Vec<Arc<dyn Block>>> {
        (self.write)(partition, task)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.engine.forget_shuffle(self.id);
    }
}

/// A shuffle of `parent`, and its number.
pub(super) fn exchange<T: Record>(
    parent: &Rdd<T>,
    reducers: usize,
    prepare: Option<Prepare>,
    write: impl Fn(usize, &TaskContext) -> Result<Vec<Arc<dyn Block>>> + Send + Sync + 'static,
) -> (ShuffleId, Dependency) {
    let id = ShuffleId(parent.engine.next_id());
    let exchange = Exchange {
        engine: Arc::clone(&parent.engine),
        id,
        parent: Arc::clone(&parent.node) as Arc<dyn Lineage>,
        reducers,
        prepare,
        write: Box::new(write),
    };
    (id, Dependency::Shuffle(Arc::new(exchange)))
}
