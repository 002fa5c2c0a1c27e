//! Reading a partition of a data set that is kept between actions.
//!
//! Holds: of several tasks that want a partition that is not there, one computes it.

use std::any::Any;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use super::{
    Block, Blocks, Codec, Dataset, DatasetId, Frames, Pull, StorageLevel, Stored, TaskContext, VecPull,
    drain_detached,
};
use crate::batch::{Batch, DEFAULT_BATCH};

/// Records that several tasks may read, of types that need not be [`Sync`].
pub struct Kept<T> {
    records: Mutex<Vec<T>>,
    codec: Option<Codec<T>>,
}

impl<T> Kept<T> {
    /// The records of a partition; `codec` where they can be written down.
    pub fn new(records: Vec<T>, codec: Option<Codec<T>>) -> Self {
        Self { records: Mutex::new(records), codec }
    }
}

impl<T: Record> Block for Kept<T> {
    /// Records without a codec count with their own size alone: what they point to cannot be seen.
    fn bytes(&self) -> usize {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let plain = || records.len() * size_of::<T>();
        self.codec.map_or_else(plain, |codec| codec.footprint(&records))
    }

    fn encode(&self, write: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let codec =
            self.codec.ok_or_else(|| Failure::internal("records without a codec were to be spilled"))?;
        codec.encode_frames(&self.records.lock().unwrap_or_else(PoisonError::into_inner), write)
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// Hands out copies of kept records.
pub struct KeptPull<T> {
    kept: Arc<Kept<T>>,
    next: usize,
}

impl<T> From<Arc<Kept<T>>> for KeptPull<T> {
    fn from(kept: Arc<Kept<T>>) -> Self {
        Self { kept, next: 0 }
    }
}

impl<T: Record> KeptPull<T> {
    fn copy(&mut self, count: usize) -> Vec<T> {
        let records = self.kept.records.lock().unwrap_or_else(PoisonError::into_inner);
        let end = records.len().min(self.next.saturating_add(count));
        let run = records[self.next..end].to_vec();
        self.next = end;
        run
    }
}

impl<T: Record> Pull<T> for KeptPull<T> {
    fn next(&mut self) -> Result<Option<Batch<T>>> {
        let run = self.copy(DEFAULT_BATCH);
        Ok((!run.is_empty()).then(|| Batch::from(run)))
    }

    fn whole(&mut self) -> Result<Option<Vec<T>>> {
        Ok(Some(self.copy(usize::MAX)))
    }
}

/// Reads a partition back from disk, a frame at a time.
struct DiskPull<T> {
    frames: Arc<dyn Frames>,
    rest: Range<usize>,
    run: VecPull<T>,
    codec: Codec<T>,
    blocks: Arc<dyn Blocks>,
    of: (DatasetId, usize),
}

impl<T> DiskPull<T> {
    fn new(frames: Arc<dyn Frames>, codec: Codec<T>, task: &TaskContext, of: (DatasetId, usize)) -> Self {
        let rest = 0..frames.count();
        Self { frames, rest, run: VecPull::from(Vec::new()), codec, blocks: Arc::clone(&task.blocks), of }
    }
}

impl<T: Record> Pull<T> for DiskPull<T> {
    fn next(&mut self) -> Result<Option<Batch<T>>> {
        loop {
            if let Some(batch) = self.run.next()? {
                return Ok(Some(batch));
            }
            let Some(at) = self.rest.next() else { return Ok(None) };
            let records = self.frames.read(at).and_then(|bytes| self.codec.decode(&bytes));
            // The next attempt computes the partition from its lineage.
            let records = records.inspect_err(|why| self.blocks.not_kept(self.of.0, self.of.1, why))?;
            self.run = VecPull::from(records);
        }
    }
}

/// Lets the next task compute the partition, whatever became of this one.
struct Claimed<'a> {
    task: &'a TaskContext,
    of: (DatasetId, usize),
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        self.task.blocks.release(self.of.0, self.of.1);
    }
}

/// The records of a partition of a data set that is kept at `level`.
pub(super) fn read<T: Record>(
    dataset: &dyn Dataset<T>,
    level: StorageLevel,
    partition: usize,
    task: &TaskContext,
) -> Result<Box<dyn Pull<T>>> {
    if let Some(found) = find(dataset, partition, task) {
        return Ok(found);
    }
    task.blocks.claim(dataset.id(), partition, &task.cancellation)?;
    let _claimed = Claimed { task, of: (dataset.id(), partition) };
    if let Some(found) = find(dataset, partition, task) {
        return Ok(found);
    }
    match (level, dataset.codec()) {
        (StorageLevel::DiskOnly, Some(codec)) => write(dataset, codec, partition, task),
        (_, codec) => {
            let records = drain_detached(&mut *dataset.compute(partition, task)?)?;
            let kept = Arc::new(Kept::new(records, codec));
            task.blocks.keep(dataset.id(), partition, level, Stored::Memory(Arc::clone(&kept) as Arc<_>));
            Ok(Box::new(KeptPull::from(kept)))
        }
    }
}

fn find<T: Record>(
    dataset: &dyn Dataset<T>,
    partition: usize,
    task: &TaskContext,
) -> Option<Box<dyn Pull<T>>> {
    match task.blocks.kept(dataset.id(), partition)? {
        Stored::Memory(block) => Some(Box::new(KeptPull::from(block.as_any().downcast::<Kept<T>>().ok()?))),
        Stored::Disk(frames) => {
            Some(Box::new(DiskPull::new(frames, dataset.codec()?, task, (dataset.id(), partition))))
        }
    }
}

/// Computes a partition straight to disk; it is never in memory as a whole.
fn write<T: Record>(
    dataset: &dyn Dataset<T>,
    codec: Codec<T>,
    partition: usize,
    task: &TaskContext,
) -> Result<Box<dyn Pull<T>>> {
    let of = (dataset.id(), partition);
    let mut records = dataset.compute(partition, task)?;
    let frames = match task.blocks.frames(of.0) {
        Ok(frames) => frames,
        Err(why) => {
            task.blocks.not_kept(of.0, of.1, &why);
            return Ok(records);
        }
    };
    while let Some(batch) = records.next()? {
        task.cancellation.check()?;
        let mut is_full = false;
        let written = codec.encode_frames(batch.records(), &mut |bytes| {
            frames.append(bytes).inspect_err(|_| is_full = true)
        });
        match written {
            Ok(()) => {}
            Err(why) if is_full => {
                // What was written is given up; the records are made once more for whoever asked.
                task.blocks.not_kept(of.0, of.1, &why);
                return dataset.compute(partition, task);
            }
            Err(failure) => return Err(failure),
        }
    }
    task.blocks.keep(of.0, of.1, StorageLevel::DiskOnly, Stored::Disk(Arc::clone(&frames)));
    Ok(Box::new(DiskPull::new(frames, codec, task, of)))
}
