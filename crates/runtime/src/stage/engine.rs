//! The engine of a context: its threads, its blocks, its counters.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use millstream_dataflow::lineage::{
    Blocks, Cancellation, DatasetId, Frames, ShuffleId, StorageLevel, Stored,
};
use millstream_model::error::{Failure, Result};

use super::cache::CacheStore;
use super::claims::Claims;
use super::counters::{Tally, add};
use super::jobs::Jobs;
use super::pool::Pool;
use super::shuffle::ShuffleStore;
use super::{CachedSize, Counters, StageProgress};
use crate::site::{Site, site};

/// How an engine is made.
#[derive(Clone, Debug)]
pub struct StageSettings {
    /// How many tasks run at once; at least 1.
    pub slots: usize,
    /// Up to how many bytes of shuffle blocks stay in memory.
    pub shuffle_memory: usize,
    /// Up to how many bytes of kept partitions stay in memory.
    pub cache_memory: usize,
    /// Where shuffle blocks and kept partitions are spilled to.
    pub spill_folder: PathBuf,
    /// How long a job that has failed waits for its other tasks, before the error names those that do not stop.
    pub cancel_timeout: Duration,
}

impl Default for StageSettings {
    /// A slot for each core; 1 GiB of shuffle blocks and 1 GiB of kept partitions in memory; the folder for temporary
    /// files (TMPDIR); 10 s for tasks to stop.
    fn default() -> Self {
        let slots = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            slots,
            shuffle_memory: 1 << 30,
            cache_memory: 1 << 30,
            spill_folder: std::env::temp_dir(),
            cancel_timeout: Duration::from_secs(10),
        }
    }
}

/// The blocks that tasks share.
pub(super) struct Stores {
    pub(super) shuffles: ShuffleStore,
    pub(super) cache: CacheStore,
    pub(super) tally: Tally,
    slots: usize,
    computing: Claims<(DatasetId, usize)>,
}

impl Blocks for Stores {
    fn shuffled(&self, shuffle: ShuffleId, map: usize, block: usize) -> Result<Stored> {
        self.shuffles.get(shuffle, map, block)
    }

    fn shuffle_share(&self) -> usize {
        self.shuffles.limit() / self.slots
    }

    fn shuffle_frames(&self, shuffle: ShuffleId) -> Result<Arc<dyn Frames>> {
        self.shuffles.frames(shuffle)
    }

    fn unreadable(&self, shuffle: ShuffleId, map: usize) {
        self.shuffles.remove(shuffle, map);
    }

    fn kept(&self, dataset: DatasetId, partition: usize) -> Option<Stored> {
        self.cache.get(dataset, partition)
    }

    fn claim(&self, dataset: DatasetId, partition: usize, cancellation: &Cancellation) -> Result<()> {
        self.computing.claim((dataset, partition), cancellation)
    }

    fn release(&self, dataset: DatasetId, partition: usize) {
        self.computing.release((dataset, partition));
    }

    fn keep(&self, dataset: DatasetId, partition: usize, level: StorageLevel, stored: Stored) {
        add(&self.tally.cached);
        self.cache.put((dataset, partition), level, stored, &self.tally);
    }

    fn frames(&self, dataset: DatasetId) -> Result<Arc<dyn Frames>> {
        self.cache.frames(dataset)
    }

    fn not_kept(&self, dataset: DatasetId, partition: usize, why: &Failure) {
        self.cache.not_kept((dataset, partition), why);
    }
}

/// Runs batch jobs.
pub struct StageEngine {
    pub(super) pool: Pool,
    pub(super) stores: Arc<Stores>,
    pub(super) jobs: Jobs,
    pub(super) shuffling: Claims<ShuffleId>,
    pub(super) cancel_timeout: Duration,
    slots: usize,
    datasets: AtomicU64,
    shuffles: AtomicU64,
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
    /// If `slots` is 0, a thread cannot be started, or a cluster started this process.
    pub fn new(settings: &StageSettings) -> Result<Self> {
        if settings.slots == 0 {
            return Err(Failure::user("parallelism 0: no task could run").advice("set it to 1 or more"));
        }
        if !matches!(site()?, Site::Alone) {
            // Each process of the program would do all the work.
            return Err(Failure::user(
                "data sets (Rdd) and streams in batches (DStream) do not run on a cluster yet",
            )
            .advice("run this program by itself; on a cluster run programs of a StreamEnvironment"));
        }
        let folder = &settings.spill_folder;
        let stores = Stores {
            shuffles: ShuffleStore::new(settings.shuffle_memory, folder.clone()),
            cache: CacheStore::new(settings.cache_memory, folder.clone()),
            tally: Tally::default(),
            slots: settings.slots,
            computing: Claims::default(),
        };
        Ok(Self {
            pool: Pool::new(settings.slots)?,
            stores: Arc::new(stores),
            jobs: Jobs::default(),
            shuffling: Claims::default(),
            cancel_timeout: settings.cancel_timeout,
            slots: settings.slots,
            datasets: AtomicU64::new(0),
            shuffles: AtomicU64::new(0),
        })
    }

    /// How many tasks run at once.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// A number for a data set, never given twice.
    pub fn next_dataset(&self) -> DatasetId {
        DatasetId(self.datasets.fetch_add(1, Ordering::Relaxed))
    }

    /// A number for a shuffle, never given twice.
    pub fn next_shuffle(&self) -> ShuffleId {
        ShuffleId(self.shuffles.fetch_add(1, Ordering::Relaxed))
    }

    /// What was run so far.
    pub fn counters(&self) -> Counters {
        self.stores.tally.read()
    }

    /// The stages that each running job waits for, the oldest job first; of one job, the last stage is the one whose tasks
    /// run.
    pub fn progress(&self) -> Vec<Vec<StageProgress>> {
        self.jobs.progress()
    }

    /// Tells all jobs that run now to stop, and says how many there were. Their actions fail with
    /// [`Failure::cancelled`] as soon as their tasks have come to the end of a run of records.
    pub fn cancel_all_jobs(&self) -> usize {
        self.jobs.cancel(|_| true)
    }

    /// As [`StageEngine::cancel_all_jobs`], for the jobs of which the program has said that `name` is `value`.
    pub fn cancel_jobs(&self, name: &str, value: &str) -> usize {
        self.jobs.cancel(|properties| properties.get(name).is_some_and(|said| said == value))
    }

    /// Lets go of what a map task left, as a lost worker would.
    pub fn lose_shuffled(&self, shuffle: ShuffleId, map: usize) {
        self.stores.shuffles.remove(shuffle, map);
    }

    /// Lets go of one kept partition, as a lost worker would.
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

    /// How much of a data set is kept, and where.
    pub fn cached_size(&self, dataset: DatasetId) -> CachedSize {
        self.stores.cache.size(dataset)
    }

    /// About how many bytes of shuffle blocks are in memory.
    pub fn shuffle_memory_in_use(&self) -> usize {
        self.stores.shuffles.in_memory()
    }
}
