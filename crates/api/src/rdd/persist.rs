//! Keeping what was computed.

use std::sync::{Mutex, OnceLock, PoisonError};

use millstream_dataflow::lineage::{Codec, StorageLevel};
use millstream_dataflow::state::StateData;
use millstream_model::error::Result;
use millstream_model::record::Record;
use millstream_runtime::microbatch::SavedBlock;
use millstream_runtime::stage::CachedSize;

use super::Rdd;

/// Where the partitions of a data set are kept, and how they are written down.
pub(super) struct Storage<T> {
    level: Mutex<StorageLevel>,
    codec: OnceLock<Codec<T>>,
    /// The files of the partitions, where they were written down.
    pub(super) parts: OnceLock<Vec<SavedBlock>>,
}

impl<T> Default for Storage<T> {
    fn default() -> Self {
        Self { level: Mutex::default(), codec: OnceLock::new(), parts: OnceLock::new() }
    }
}

impl<T> Storage<T> {
    pub(super) fn level(&self) -> StorageLevel {
        let level = *self.level.lock().unwrap_or_else(PoisonError::into_inner);
        if level.uses_disk() && self.codec.get().is_none() { StorageLevel::MemoryOnly } else { level }
    }

    fn change(&self, level: StorageLevel) -> StorageLevel {
        std::mem::replace(&mut *self.level.lock().unwrap_or_else(PoisonError::into_inner), level)
    }

    pub(super) fn codec(&self) -> Option<Codec<T>> {
        self.codec.get().copied()
    }
}

impl<T: Record> Rdd<T> {
    /// Keeps each partition at `level`; in memory alone as long as it is not known how records are written down.
    pub(crate) fn keep_at(&self, level: StorageLevel) -> Self {
        let before = self.storage.change(level);
        if before != level && before != StorageLevel::None {
            self.engine.forget_cached(self.node.id());
        }
        self.clone()
    }

    /// Keeps each partition in memory once it is computed, as long as there is room for it
    /// ([`ContextBuilder::cache_memory`](super::ContextBuilder::cache_memory)); one that is dropped is computed again when
    /// it is asked for, and no other one is.
    ///
    /// Any type of record can be kept so. What is behind its pointers only counts where the type can be written down; see
    /// [`Rdd::persist`].
    #[must_use]
    pub fn cache(&self) -> Self {
        self.keep_at(StorageLevel::MemoryOnly)
    }

    /// Lets go of what was kept, and keeps nothing more.
    #[must_use]
    pub fn unpersist(&self) -> Self {
        self.keep_at(StorageLevel::None)
    }

    /// Where partitions are kept.
    pub fn storage_level(&self) -> StorageLevel {
        self.storage.level()
    }

    /// How much is kept now, and where.
    pub fn cached_size(&self) -> CachedSize {
        self.engine.cached_size(self.node.id())
    }

    /// Computes all partitions now, and gives them as a data set that is made from nothing else: what it was made from is
    /// no longer held by it. It stays in memory until its last handle is dropped, whatever the cache's limit, since it
    /// cannot be computed again.
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn local_checkpoint(&self) -> Result<Rdd<T>> {
        self.materialise("local_checkpoint")
    }
}

impl<T: StateData> Rdd<T> {
    /// Says how records are written down, should they be kept.
    pub(super) fn encodable(self) -> Self {
        self.storage.codec.get_or_init(Codec::of);
        self
    }

    /// Keeps each partition at `level` once it is computed. What was kept at another level is let go of.
    ///
    /// ```
    /// use millstream::rdd::{Context, StorageLevel};
    ///
    /// let context = Context::builder().cache_memory(64 << 20).build()?;
    /// let squares = context.range(0, 1000).map(|n| n * n).persist(StorageLevel::MemoryAndDisk);
    /// assert_eq!(squares.count()?, 1000);
    /// assert_eq!(squares.cached_size().partitions, squares.partitions());
    /// # Ok::<(), millstream_model::error::Failure>(())
    /// ```
    ///
    /// A record counts with its own size and, if it owns memory, as many bytes as it has when encoded; that is found for 32
    /// records of a partition and taken for all of them.
    #[must_use]
    pub fn persist(&self, level: StorageLevel) -> Self {
        self.clone().encodable().keep_at(level)
    }
}
