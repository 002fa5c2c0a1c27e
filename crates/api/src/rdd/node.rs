//! The handle a user holds, and the node of the lineage behind it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use millstream_dataflow::lineage::{
    Codec, Dataset, DatasetId, Dependency, Lineage, Pull, Shuffle, ShuffleId, StorageLevel, Stored,
    TaskContext,
};
use millstream_model::error::Result;
use millstream_model::record::Record;
use millstream_runtime::stage::StageEngine;

use super::persist::Storage;
use super::site::Site;

type Compute<T> = dyn Fn(usize, &TaskContext) -> Result<Box<dyn Pull<T>>> + Send + Sync;
pub(super) type Prepare = Box<dyn Fn() -> Result<()> + Send + Sync>;
type Write = dyn Fn(ShuffleId, usize, &TaskContext) -> Result<Vec<Stored>> + Send + Sync;

/// A data set in partitions, described by how it is made. Cheap to clone; nothing runs before an action.
pub struct Rdd<T> {
    pub(super) engine: Arc<StageEngine>,
    pub(super) node: Arc<dyn Dataset<T>>,
    pub(super) storage: Arc<Storage<T>>,
}

impl<T> Clone for Rdd<T> {
    fn clone(&self) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            node: Arc::clone(&self.node),
            storage: Arc::clone(&self.storage),
        }
    }
}

impl<T> fmt::Debug for Rdd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rdd({}[{}], {} partitions)", self.node.name(), self.node.id().0, self.node.partitions())
    }
}

struct Node<T> {
    engine: Arc<StageEngine>,
    site: Site,
    dependencies: Vec<Dependency>,
    storage: Arc<Storage<T>>,
    prepare: Option<Prepare>,
    compute: Box<Compute<T>>,
}

impl<T: Record> Lineage for Node<T> {
    fn id(&self) -> DatasetId {
        self.site.id
    }

    fn name(&self) -> &str {
        self.site.name
    }

    fn kind(&self) -> &str {
        self.site.kind
    }

    fn called_at(&self) -> &'static Location<'static> {
        self.site.called_at
    }

    fn partitions(&self) -> usize {
        self.site.partitions
    }

    fn dependencies(&self) -> &[Dependency] {
        &self.dependencies
    }

    fn storage(&self) -> StorageLevel {
        self.storage.level()
    }

    fn prepare(&self) -> Result<()> {
        self.prepare.as_ref().map_or(Ok(()), |prepare| prepare())
    }
}

impl<T: Record> Dataset<T> for Node<T> {
    fn compute(&self, partition: usize, task: &TaskContext) -> Result<Box<dyn Pull<T>>> {
        (self.compute)(partition, task)
    }

    fn codec(&self) -> Option<Codec<T>> {
        self.storage.codec()
    }
}

impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        self.engine.forget_cached(self.site.id);
    }
}

impl<T: Record> Rdd<T> {
    pub(super) fn new(
        engine: &Arc<StageEngine>,
        site: Site,
        dependencies: Vec<Dependency>,
        prepare: Option<Prepare>,
        compute: impl Fn(usize, &TaskContext) -> Result<Box<dyn Pull<T>>> + Send + Sync + 'static,
    ) -> Self {
        let storage = Arc::<Storage<T>>::default();
        let node = Arc::new(Node {
            engine: Arc::clone(engine),
            site,
            dependencies,
            storage: Arc::clone(&storage),
            prepare,
            compute: Box::new(compute),
        });
        Self { engine: Arc::clone(engine), node, storage }
    }

    /// This data set as what another is made from, in the same task.
    pub(super) fn narrow(&self) -> Dependency {
        Dependency::Narrow(Arc::clone(&self.node) as Arc<dyn Lineage>)
    }

    /// The number of the data set, as lineage and errors show it.
    pub fn id(&self) -> DatasetId {
        self.node.id()
    }

    /// How many partitions a shuffle of the records has, if nobody says.
    pub(super) fn reducers(&self) -> usize {
        self.engine.slots().min(self.partitions().max(1))
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
    write: Box<Write>,
}

impl Shuffle for Exchange {
    fn id(&self) -> ShuffleId {
        self.id
    }

    fn parent(&self) -> Arc<dyn Lineage> {
        Arc::clone(&self.parent)
    }

    fn write(&self, partition: usize, task: &TaskContext) -> Result<Vec<Stored>> {
        (self.write)(self.id, partition, task)
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
    write: impl Fn(ShuffleId, usize, &TaskContext) -> Result<Vec<Stored>> + Send + Sync + 'static,
) -> (ShuffleId, Dependency) {
    let id = parent.engine.next_shuffle();
    let exchange = Exchange {
        engine: Arc::clone(&parent.engine),
        id,
        parent: Arc::clone(&parent.node) as Arc<dyn Lineage>,
        write: Box::new(write),
    };
    (id, Dependency::Shuffle(Arc::new(exchange)))
}
