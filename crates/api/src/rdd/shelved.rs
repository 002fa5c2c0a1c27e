//! Data sets whose partitions are blocks that all processes of a program can read: what a receiver took in, and what was
//! written to the checkpoint folder so that no lineage is needed behind it.
//!
//! Holds: a partition that was written is also kept by the executor that wrote it, as long as there is room; who has it not
//! reads the block.

use std::sync::{Arc, OnceLock};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::{Codec, Kept, StorageLevel, Stored, VecPull, drain_detached};
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_model::time::Timestamp;
use millstream_runtime::microbatch::{GivenBlock, SavedBlock, Shelf};

use super::site::Site;
use super::{Context, Rdd};

/// The records of runs that are to be told to other processes: a block for each of `count` partitions.
pub(crate) fn blocks<T: Record>(runs: Vec<Batch<T>>, count: usize, codec: Codec<T>) -> Result<Vec<Vec<u8>>> {
    let (total, count) = (runs.len(), count.min(runs.len()));
    let mut runs = runs.into_iter();
    let block = |at: usize| {
        let length = total * (at + 1) / count - total * at / count;
        let records: Vec<T> =
            runs.by_ref().take(length).flat_map(|mut run| run.drain().collect::<Vec<_>>()).collect();
        codec.encode(&records)
    };
    (0..count).map(block).collect()
}

impl Context {
    /// The data set whose partitions are these blocks, of the batch of `time`.
    #[track_caller]
    pub(crate) fn of_blocks<T: Record>(
        &self,
        name: &'static str,
        codec: Codec<T>,
        blocks: Vec<GivenBlock>,
        shelf: Option<&Shelf>,
        time: Timestamp,
    ) -> Rdd<T> {
        let (site, shelf) = (Site::new(&self.engine, "BlocksRdd", name, blocks.len()), shelf.cloned());
        Rdd::new(&self.engine, site, Vec::new(), None, move |partition, _| {
            let bytes = blocks[partition].bytes(shelf.as_ref(), name, time)?;
            Ok(Box::new(VecPull::from(codec.decode(&bytes)?)))
        })
    }

    /// The data set of the batch of `time` whose partitions were written down as `parts`, kept by those that read it.
    #[track_caller]
    pub(crate) fn of_parts<T: Record>(
        &self,
        name: &'static str,
        codec: Codec<T>,
        parts: Vec<SavedBlock>,
        shelf: Option<&Shelf>,
        time: Timestamp,
    ) -> Rdd<T> {
        let blocks = parts.iter().cloned().map(GivenBlock::Stored).collect();
        let rdd = self.of_blocks(name, codec, blocks, shelf, time);
        rdd.storage.parts.get_or_init(|| parts);
        rdd.keep_at(StorageLevel::MemoryOnly)
    }
}

impl<T: Record> Rdd<T> {
    /// Computes the data set now, has its tasks write its partitions to the folder, and gives one of the same records and
    /// partitions that is made from these.
    #[track_caller]
    pub(crate) fn shelved(&self, name: &'static str, codec: Codec<T>, shelf: &Shelf) -> Result<Rdd<T>> {
        let site = Site::new(&self.engine, "BlocksRdd", name, self.partitions());
        let written: Arc<OnceLock<Vec<GivenBlock>>> = Arc::default();
        let (own, blocks, reads) = (site.id, Arc::clone(&written), shelf.clone());
        let made = Rdd::new(&self.engine, site, Vec::new(), None, move |partition, _| {
            let block = blocks.get().and_then(|blocks| blocks.get(partition));
            let block = block.ok_or_else(|| Failure::internal("a partition is read before it is written"))?;
            let bytes = block.bytes(Some(&reads), name, Timestamp::from_millis(0))?;
            Ok(Box::new(VecPull::from(codec.decode(&bytes)?)))
        });
        let shelf = shelf.clone();
        let parts = self.engine.run(&self.node, &self.all(), move |mut records, task| {
            let records = drain_detached(&mut *records)?;
            let file = format!("{}-{}-{}", own.0, task.partition, task.attempt);
            let part = shelf.write(&file, &codec.encode(&records)?)?;
            let kept = Stored::Memory(Arc::new(Kept::new(records, Some(codec))) as Arc<_>);
            task.blocks.keep(own, task.partition, StorageLevel::MemoryOnly, kept);
            Ok(part)
        })?;
        written.get_or_init(|| parts.iter().cloned().map(GivenBlock::Stored).collect());
        made.storage.parts.get_or_init(|| parts);
        Ok(made.keep_at(StorageLevel::MemoryOnly))
    }

    /// The files that the partitions were written to, if they were.
    pub(crate) fn parts(&self) -> Option<Vec<SavedBlock>> {
        self.storage.parts.get().cloned()
    }
}
