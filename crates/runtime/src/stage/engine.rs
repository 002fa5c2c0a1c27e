//! The engine of a context: its threads, its blocks, its counters.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millstream_dataflow::lineage::{Blocks, DatasetId, Fetched, ShuffleId};
use millstream_model::error::{Failure, Result};

use super::Counters;
use super::cache::CacheStore;
use super::counters::{Tally, add};
use super::pool::Pool;
use super::shuffle::ShuffleStore;

/// How an engine is made.
#[derive(Clone, Debug)]
pub struct StageSettings {
    /// How many tasks run at once; at least 1.
    pub slots: usize,
    /// Up to how many bytes of shuffle blocks stay in memory.
    pub shuffle_memory: usize,
}

impl Default for StageSettings {
    /// A slot for each core; 1 GiB of shuffle blocks in memory.
    fn default() -> Self {
        let slots = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { slots, shuffle_memory: 1 << 30 }
    }
}

/// The blocks that tasks share.
pub(super) struct Stores {
    pub(super) shuffles: ShuffleStore,
    pub(super) cache: CacheStore,
    pub(super) tally: Tally,
}

impl Blocks for Stores {
    fn shuffled(&self, shuffle: ShuffleId, map: usize, reducer: usize) -> Result<Fetched> {
        self.shuffles.get(shuffle, map, reducer)
    }

    fn cached(&self, dataset: DatasetId, partition: usize) -> Option<Arc<dyn Any + Send + Sync>> {
        self.cache.get(dataset, partition)
    }

    fn keep(&self, dataset: DatasetId, partition: usize, records: Arc<dyn Any + Send + Sync>) {
        add(&self.tally.cached);
        self.cache.put(dataset, partition, records);
    }
}

/// Runs batch jobs.
pub struct StageEngine {
    pub(super) pool: Pool,
    pub(super) stores: Arc<Stores>,
    slots: usize,
    ids: AtomicU64,
}

impl fmt::Debug for StageEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StageEngine({} slots, {:?})", self.slots, self.counters())
    }
}

impl StageEngine {
    /// Starts the threads.
    ///
    /// # Errors
    /// If `slots` is 0, or a thread cannot be started.
    pub fn new(settings: &StageSettings) -> Result<Self> {
        if settings.slots == 0 {
            return Err(Failure::user("parallelism 0: no task could run").advice("set it to 1 or more"));
        }
        let stores = Stores {
            shuffles: ShuffleStore::new(settings.shuffle_memory),
            cache: CacheStore::default(),
            tally: Tally::default(),
        };
        Ok(Self {
            pool: Pool::new(settings.slots)?,
            stores: Arc::new(stores),
            slots: settings.slots,
            ids: AtomicU64::new(0),
        })
    }

    /// How many tasks run at once.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// A number for a data set or shuffle, never given twice.
    pub fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// What was run so far.
    pub fn counters(&self) -> Counters {
        self.stores.tally.read()
    }

    /// Lets go of what a map task left, as a lost worker would.
    pub fn lose_shuffled(&self, shuffle: ShuffleId, map: usize) {
        self.stores.shuffles.remove(shuffle, map);
    }

    /// Lets go of one cached partition, as a lost worker would.
    pub fn lose_cached(&self, dataset: DatasetId, partition: usize) {
        self.stores.cache.remove(dataset, partition);
    }

    /// Lets go of all blocks of a shuffle that nobody can ask for again.
    pub fn forget_shuffle(&self, shuffle: ShuffleId) {
        self.stores.shuffles.remove_all(shuffle);
    }

    /// Lets go of all kept partitions of a data set.
    pub fn forget_cached(&self, dataset: DatasetId) {
        self.stores.cache.remove_all(dataset);
    }
}
