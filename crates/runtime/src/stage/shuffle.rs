//! The blocks of shuffles: in memory up to a number of bytes, beyond it on disk.
//!
//! Holds: the blocks of a map task are all here or not at all.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::{Block, Frames, ShuffleId, Stored};
use millstream_model::error::{Failure, Result};

use super::counters::{Tally, add};
use super::fetch::InMemory;
use super::frames::{FrameList, SpillFile};

/// What one map task left.
struct Output {
    blocks: Vec<Stored>,
    /// How many bytes of it are in memory.
    bytes: usize,
}

#[derive(Default)]
struct Shuffled {
    maps: HashMap<usize, Output>,
    file: Option<Arc<SpillFile>>,
}

#[derive(Default)]
struct Shuffles {
    shuffles: HashMap<ShuffleId, Shuffled>,
    in_memory: usize,
}

pub(super) struct ShuffleStore {
    stored: Mutex<Shuffles>,
    limit: usize,
    folder: PathBuf,
}

impl ShuffleStore {
    pub(super) fn new(limit: usize, folder: PathBuf) -> Self {
        Self { stored: Mutex::default(), limit, folder }
    }

    fn stored(&self) -> MutexGuard<'_, Shuffles> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the blocks of a map task, in memory if they all fit.
    pub(super) fn put(
        &self,
        shuffle: ShuffleId,
        map: usize,
        blocks: Vec<Stored>,
        tally: &Tally,
    ) -> Result<()> {
        let in_memory = |block: &Stored| match block {
            Stored::Memory(block) => block.bytes(),
            Stored::Disk(_) => 0,
        };
        let total: usize = blocks.iter().map(in_memory).sum();
        let fits = {
            let mut stored = self.stored();
            let fits = stored.in_memory.saturating_add(total) <= self.limit;
            if fits {
                stored.in_memory += total;
            }
            fits
        };
        let spill = |block| match block {
            Stored::Memory(block) if !fits => self.spill(shuffle, &*block),
            block => Ok(block),
        };
        let blocks: Vec<Stored> = blocks.into_iter().map(spill).collect::<Result<_>>()?;
        blocks.iter().filter(|block| matches!(block, Stored::Disk(_))).for_each(|_| add(&tally.spilled));
        let output = Output { blocks, bytes: if fits { total } else { 0 } };
        let mut stored = self.stored();
        let before = stored.shuffles.entry(shuffle).or_default().maps.insert(map, output);
        stored.in_memory -= before.map_or(0, |output| output.bytes);
        Ok(())
    }

    fn spill(&self, shuffle: ShuffleId, block: &dyn Block) -> Result<Stored> {
        let frames = self.frames(shuffle)?;
        block.encode(&mut |bytes| frames.append(bytes))?;
        Ok(Stored::Disk(frames))
    }

    /// An empty run of frames in the file of a shuffle.
    pub(super) fn frames(&self, shuffle: ShuffleId) -> Result<Arc<dyn Frames>> {
        let mut stored = self.stored();
        let shuffled = stored.shuffles.entry(shuffle).or_default();
        let file = match &shuffled.file {
            Some(file) => Arc::clone(file),
            None => {
                let file = SpillFile::new(self.folder.clone(), "a shuffle block")?;
                Arc::clone(shuffled.file.insert(file))
            }
        };
        Ok(Arc::new(FrameList::new(file)))
    }

    pub(super) fn get(&self, shuffle: ShuffleId, map: usize, block: usize) -> Result<Stored> {
        let stored = self.stored();
        let output = stored.shuffles.get(&shuffle).and_then(|shuffled| shuffled.maps.get(&map));
        output.and_then(|output| output.blocks.get(block)).cloned().ok_or_else(|| {
            Failure::external(format!("block {block} of map task {map} of shuffle {} is lost", shuffle.0))
        })
    }

    /// A block as frames, for another process. One that is in memory stays there encoded: nobody reads it as rows again, as
    /// a block is for one reducer.
    pub(super) fn lend(&self, shuffle: ShuffleId, map: usize, block: usize) -> Result<Arc<dyn Frames>> {
        let rows = match self.get(shuffle, map, block)? {
            Stored::Disk(frames) => return Ok(frames),
            Stored::Memory(rows) => rows,
        };
        let mut frames = Vec::new();
        rows.encode(&mut |bytes| {
            frames.push(bytes.to_vec());
            Ok(())
        })?;
        let frames: Arc<dyn Frames> = Arc::new(InMemory(frames));
        let mut stored = self.stored();
        let output = stored.shuffles.get_mut(&shuffle).and_then(|shuffled| shuffled.maps.get_mut(&map));
        if let Some(place) = output.and_then(|output| output.blocks.get_mut(block)) {
            *place = Stored::Disk(Arc::clone(&frames));
        }
        Ok(frames)
    }

    /// The map tasks, of `maps`, whose blocks are not here.
    pub(super) fn missing(&self, shuffle: ShuffleId, maps: usize) -> Vec<usize> {
        let stored = self.stored();
        let here = stored.shuffles.get(&shuffle);
        (0..maps).filter(|map| here.is_none_or(|shuffled| !shuffled.maps.contains_key(map))).collect()
    }

    pub(super) fn remove(&self, shuffle: ShuffleId, map: usize) {
        let mut stored = self.stored();
        let gone = stored.shuffles.get_mut(&shuffle).and_then(|shuffled| shuffled.maps.remove(&map));
        stored.in_memory -= gone.map_or(0, |output| output.bytes);
    }

    pub(super) fn remove_all(&self, shuffle: ShuffleId) {
        let mut stored = self.stored();
        let gone = stored.shuffles.remove(&shuffle).unwrap_or_default();
        stored.in_memory -= gone.maps.values().map(|output| output.bytes).sum::<usize>();
    }

    /// Up to how many bytes of blocks stay in memory.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// How many bytes of blocks are in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.stored().in_memory
    }
}
