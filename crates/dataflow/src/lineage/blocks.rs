//! Where a task finds what other tasks left, and leaves what they may find.

use std::sync::Arc;

use millstream_model::error::{Failure, Result};

use super::{Block, Cancellation, DatasetId, ShuffleId, StorageLevel};

/// Encoded runs of records on disk, numbered in the order in which they were written.
pub trait Frames: Send + Sync {
    /// Writes a frame behind the others.
    ///
    /// # Errors
    /// If the disk is full or fails; the frames written before are still there.
    fn append(&self, bytes: &[u8]) -> Result<()>;

    /// How many frames there are.
    fn count(&self) -> usize;

    /// How many bytes they take on disk.
    fn bytes(&self) -> usize;

    /// The bytes of the frame numbered `at`, from 0.
    ///
    /// # Errors
    /// If it cannot be read back.
    fn read(&self, at: usize) -> Result<Vec<u8>>;
}

/// A block as it was found.
#[derive(Clone)]
pub enum Stored {
    /// In memory, typed.
    Memory(Arc<dyn Block>),
    /// On disk, encoded.
    Disk(Arc<dyn Frames>),
}

/// Where the blocks of a context's tasks are.
pub trait Blocks: Send + Sync {
    /// The block numbered `block` of those that map task `map` left.
    ///
    /// # Errors
    /// If it is lost.
    fn shuffled(&self, shuffle: ShuffleId, map: usize, block: usize) -> Result<Stored>;

    /// How many bytes of rows a map task may hold before it writes them to disk.
    fn shuffle_share(&self) -> usize;

    /// An empty run of frames for a block of a shuffle that a map task writes to disk itself.
    ///
    /// # Errors
    /// If there can be no file for it.
    fn shuffle_frames(&self, shuffle: ShuffleId) -> Result<Arc<dyn Frames>>;

    /// Says that what a map task left cannot be read, so that it is made again.
    fn unreadable(&self, shuffle: ShuffleId, map: usize);

    /// A kept partition, if it is there.
    fn kept(&self, dataset: DatasetId, partition: usize) -> Option<Stored>;

    /// Waits until no other task computes this partition to keep it, and holds those off that come later until
    /// [`Blocks::release`].
    ///
    /// # Errors
    /// If the task is told to stop meanwhile.
    fn claim(&self, dataset: DatasetId, partition: usize, cancellation: &Cancellation) -> Result<()>;

    /// Lets the next task that wants to compute this partition go on.
    fn release(&self, dataset: DatasetId, partition: usize);

    /// Keeps a partition that was just computed, as far as there is room for it at this level.
    fn keep(&self, dataset: DatasetId, partition: usize, level: StorageLevel, stored: Stored);

    /// An empty file for partitions of a data set that are kept on disk.
    ///
    /// # Errors
    /// If it cannot be made.
    fn frames(&self, dataset: DatasetId) -> Result<Arc<dyn Frames>>;

    /// Says why a partition could not be written to disk or read back: it is computed again when it is asked for.
    fn not_kept(&self, dataset: DatasetId, partition: usize, why: &Failure);
}
