//! Blocks: what a task leaves for others.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use millstream_model::error::{Failure, Result};

use super::{Blocks, Codec, Frames, ShuffleId, Stored, TaskContext};
use crate::state::StateData;

/// A run of records that one map task leaves for one reducer: typed while in memory, encoded when it is spilled.
pub trait Block: Send + Sync {
    /// How many bytes it takes in memory, about: see [`Codec::footprint`].
    fn bytes(&self) -> usize;

    /// Hands the encoded records to `write`, in frames of about [`FRAME`] bytes.
    ///
    /// # Errors
    /// If a record cannot be encoded, or those of `write`.
    fn encode(&self, write: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>;

    /// Itself, to be taken for the type that it is.
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// About how many bytes are encoded and decoded at once.
pub const FRAME: usize = 256 * 1024;

/// Records that lie in memory one after the other, and that may share it with other blocks.
#[derive(Debug)]
pub struct Rows<T> {
    all: Arc<Vec<T>>,
    range: Range<usize>,
}

impl<T> From<Vec<T>> for Rows<T> {
    fn from(rows: Vec<T>) -> Self {
        let range = 0..rows.len();
        Self { all: Arc::new(rows), range }
    }
}

impl<T> Clone for Rows<T> {
    fn clone(&self) -> Self {
        Self { all: Arc::clone(&self.all), range: self.range.clone() }
    }
}

impl<T> Rows<T> {
    /// Those of the rows that are numbered so, in the same memory.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        let end = self.range.end.min(self.range.start + range.end);
        Self { all: Arc::clone(&self.all), range: end.min(self.range.start + range.start)..end }
    }

    /// The rows.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        &self.all[self.range.clone()]
    }
}

/// Rows of a block, as they are found.
#[derive(Debug)]
pub enum Run<T> {
    /// In memory, where others may read them too.
    Lent(Rows<T>),
    /// Read back from disk, for whoever asked.
    Given(Vec<T>),
}

impl<T> From<Run<T>> for Rows<T> {
    fn from(run: Run<T>) -> Self {
        match run {
            Run::Lent(rows) => rows,
            Run::Given(rows) => Self::from(rows),
        }
    }
}

/// The rows of a block, a run at a time: all at once where they are in memory, else as they were written to disk.
pub struct Runs<T> {
    blocks: Arc<dyn Blocks>,
    of: (ShuffleId, usize),
    memory: Option<Rows<T>>,
    disk: Option<(Arc<dyn Frames>, Range<usize>)>,
}

impl<T: StateData> Runs<T> {
    /// Those of the block numbered `block` that map task `map` left.
    ///
    /// # Errors
    /// If the block is lost, or holds other rows.
    pub fn open(task: &TaskContext, shuffle: ShuffleId, map: usize, block: usize) -> Result<Self> {
        task.cancellation.check()?;
        let (memory, disk) = match task.blocks.shuffled(shuffle, map, block)? {
            Stored::Memory(block) => match block.as_any().downcast::<Rows<T>>() {
                Ok(rows) => (Some((*rows).clone()), None),
                Err(_) => return Err(Failure::internal("a shuffle block of another type")),
            },
            Stored::Disk(frames) => {
                let all = 0..frames.count();
                (None, Some((frames, all)))
            }
        };
        Ok(Self { blocks: Arc::clone(&task.blocks), of: (shuffle, map), memory, disk })
    }

    /// The next run; `None` when there is no more.
    ///
    /// # Errors
    /// If it cannot be read back: then all that the map task left will be made again.
    pub fn next_run(&mut self) -> Result<Option<Run<T>>> {
        if let Some(rows) = self.memory.take() {
            return Ok(Some(Run::Lent(rows)));
        }
        let Some((frames, rest)) = &mut self.disk else { return Ok(None) };
        let Some(at) = rest.next() else { return Ok(None) };
        let rows = frames.read(at).and_then(|bytes| Codec::of().decode(&bytes));
        rows.map(|rows| Some(Run::Given(rows))).inspect_err(|_| self.blocks.unreadable(self.of.0, self.of.1))
    }
}

impl<T: StateData> Block for Rows<T> {
    fn bytes(&self) -> usize {
        Codec::of().footprint(self.as_slice())
    }

    fn encode(&self, write: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        Codec::of().encode_frames(self.as_slice(), write)
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
