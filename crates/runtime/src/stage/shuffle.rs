//! The blocks of shuffles: in memory up to a number of bytes, beyond it on disk.
//!
//! Holds: the blocks of a map task are all here or not at all.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::{Block, Fetched, ShuffleId};
use millstream_model::error::{Failure, Result};
use tempfile::TempDir;

use super::counters::{Tally, add};

enum Place {
    Memory {
        block: Arc<dyn Block>,
        bytes: usize,
    },
    /// A part of the map task's spill file.
    Disk {
        file: Arc<Mutex<File>>,
        offset: u64,
        len: usize,
    },
}

#[derive(Default)]
struct Stored {
    outputs: HashMap<(ShuffleId, usize), Vec<Place>>,
    in_memory: usize,
    folder: Option<TempDir>,
}

pub(super) struct ShuffleStore {
    stored: Mutex<Stored>,
    limit: usize,
}

impl ShuffleStore {
    pub(super) fn new(limit: usize) -> Self {
        Self { stored: Mutex::default(), limit }
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the blocks of a map task, in memory if they all fit.
    pub(super) fn put(
        &self,
        shuffle: ShuffleId,
        map: usize,
        blocks: Vec<Arc<dyn Block>>,
        tally: &Tally,
    ) -> Result<()> {
        let sizes: Vec<usize> = blocks.iter().map(|block| block.bytes()).collect();
        let total: usize = sizes.iter().sum();
        let fits = {
            let mut stored = self.stored();
            let fits = stored.in_memory.saturating_add(total) <= self.limit;
            if fits {
                stored.in_memory += total;
            }
            fits
        };
        let places = if fits {
            blocks.into_iter().zip(sizes).map(|(block, bytes)| Place::Memory { block, bytes }).collect()
        } else {
            self.spill(&blocks, tally)?
        };
        let mut stored = self.stored();
        let before = stored.outputs.insert((shuffle, map), places);
        stored.release(before);
        Ok(())
    }

    fn spill(&self, blocks: &[Arc<dyn Block>], tally: &Tally) -> Result<Vec<Place>> {
        let failed = |error: std::io::Error| {
            Failure::external(format!("the shuffle cannot be spilled to {}", std::env::temp_dir().display()))
                .because(error)
                .advice("free space there, set TMPDIR to another disk, or give the shuffle more memory")
        };
        let mut file = {
            let mut stored = self.stored();
            let folder = match stored.folder.take() {
                Some(folder) => folder,
                None => TempDir::with_prefix("millstream-shuffle-").map_err(failed)?,
            };
            let file = tempfile::tempfile_in(folder.path());
            stored.folder = Some(folder);
            file.map_err(failed)?
        };
        let mut parts = Vec::with_capacity(blocks.len());
        let mut offset = 0;
        for block in blocks {
            let bytes = block.encode()?;
            file.write_all(&bytes).map_err(failed)?;
            parts.push((offset, bytes.len()));
            offset += bytes.len() as u64;
            add(&tally.spilled);
        }
        let file = Arc::new(Mutex::new(file));
        Ok(parts
            .into_iter()
            .map(|(offset, len)| Place::Disk { file: Arc::clone(&file), offset, len })
            .collect())
    }

    pub(super) fn get(&self, shuffle: ShuffleId, map: usize, reducer: usize) -> Result<Fetched> {
        let (file, offset, len) = {
            let stored = self.stored();
            match stored.outputs.get(&(shuffle, map)).and_then(|places| places.get(reducer)) {
                Some(Place::Memory { block, .. }) => return Ok(Fetched::Memory(Arc::clone(block))),
                Some(Place::Disk { file, offset, len }) => (Arc::clone(file), *offset, *len),
                None => {
                    return Err(Failure::external(format!(
                        "the block of map task {map} of shuffle {} for reducer {reducer} is lost",
                        shuffle.0
                    )));
                }
            }
        };
        let mut bytes = vec![0; len];
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|error| Failure::external("a spilled shuffle block cannot be read").because(error))?;
        Ok(Fetched::Encoded(bytes))
    }

    /// The map tasks, of `maps`, whose blocks are not here.
    pub(super) fn missing(&self, shuffle: ShuffleId, maps: usize) -> Vec<usize> {
        let stored = self.stored();
        (0..maps).filter(|map| !stored.outputs.contains_key(&(shuffle, *map))).collect()
    }

    pub(super) fn remove(&self, shuffle: ShuffleId, map: usize) {
        let mut stored = self.stored();
        let places = stored.outputs.remove(&(shuffle, map));
        stored.release(places);
    }

    pub(super) fn remove_all(&self, shuffle: ShuffleId) {
        let mut stored = self.stored();
        let gone: Vec<_> = stored.outputs.extract_if(|(of, _), _| *of == shuffle).collect();
        for (_, places) in gone {
            stored.release(Some(places));
        }
    }
}

impl Stored {
    fn release(&mut self, places: Option<Vec<Place>>) {
        for place in places.into_iter().flatten() {
            if let Place::Memory { bytes, .. } = place {
                self.in_memory = self.in_memory.saturating_sub(bytes);
            }
        }
    }
}
