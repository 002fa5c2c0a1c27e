//! Partitions that are kept between actions: in memory up to a number of bytes, beyond it on disk or not at all.
//!
//! When there is no room, the least recently used partitions of *other* data sets make room: the partitions of one that
//! is larger than the memory would only drive out each other, each just before it is asked for again.
//!
//! Answers for what stays. Not for computing what does not (whoever reads a data set does).
//! Holds: the partitions in memory never weigh more than the limit, by the rule of their blocks.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::{Block, DatasetId, Frames, StorageLevel, Stored};
use millstream_model::error::{Failure, Result};

use super::counters::{Tally, add};
use super::frames::{FrameList, SpillFile};
use crate::control::KeptChange;

/// How much of a data set is kept, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CachedSize {
    /// How many partitions are kept.
    pub partitions: usize,
    /// About how many bytes they take in memory.
    pub memory: usize,
    /// How many bytes they take on disk.
    pub disk: usize,
}

struct Entry {
    stored: Stored,
    bytes: usize,
    level: StorageLevel,
    used: u64,
    /// Whether it is on its way to disk: it no longer counts as being in memory.
    is_leaving: bool,
}

impl Entry {
    fn in_memory(&self) -> usize {
        if matches!(self.stored, Stored::Memory(_)) && !self.is_leaving { self.bytes } else { 0 }
    }
}

#[derive(Default)]
struct Kept {
    datasets: HashMap<DatasetId, HashMap<usize, Entry>>,
    files: HashMap<DatasetId, Arc<SpillFile>>,
    in_memory: usize,
    clock: u64,
}

type Leaving = Vec<(DatasetId, usize, Arc<dyn Block>)>;

impl Kept {
    fn insert(&mut self, of: (DatasetId, usize), level: StorageLevel, stored: Stored, bytes: usize) {
        self.clock += 1;
        let entry = Entry { stored, bytes, level, used: self.clock, is_leaving: false };
        self.in_memory += entry.in_memory();
        let before = self.datasets.entry(of.0).or_default().insert(of.1, entry);
        self.in_memory -= before.map_or(0, |entry| entry.in_memory());
    }

    /// Makes room for `bytes` of a partition of `dataset`; `None` if that cannot be. Partitions whose level has a disk
    /// are to be written there.
    fn make_room(
        &mut self,
        dataset: DatasetId,
        bytes: usize,
        limit: usize,
        tally: &Tally,
        changes: &Changes,
    ) -> Option<Leaving> {
        let mut over = self.in_memory.saturating_add(bytes).saturating_sub(limit);
        let mut oldest: Vec<(u64, DatasetId, usize, usize)> = (self.datasets.iter())
            .filter(|(of, _)| **of != dataset)
            .flat_map(|(of, partitions)| partitions.iter().map(move |(at, entry)| (entry, *of, *at)))
            .filter(|(entry, ..)| entry.in_memory() > 0)
            .map(|(entry, of, at)| (entry.used, of, at, entry.in_memory()))
            .collect();
        if oldest.iter().map(|(.., bytes)| bytes).sum::<usize>() < over {
            return None;
        }
        oldest.sort_unstable();
        let mut leaving = Vec::new();
        for (_, of, at, bytes) in oldest {
            if over == 0 {
                break;
            }
            over = over.saturating_sub(bytes);
            self.in_memory -= bytes;
            let Some(partitions) = self.datasets.get_mut(&of) else { continue };
            match partitions.get_mut(&at) {
                Some(Entry { stored: Stored::Memory(block), level, is_leaving, .. }) if level.uses_disk() => {
                    *is_leaving = true;
                    leaving.push((of, at, Arc::clone(block)));
                }
                _ => {
                    partitions.remove(&at);
                    changes.note((of, at), None);
                    add(&tally.dropped);
                }
            }
        }
        Some(leaving)
    }
}

/// What is kept and what no longer is, for whoever follows it.
#[derive(Default)]
pub(super) struct Changes {
    list: Mutex<Vec<KeptChange>>,
    telling: Mutex<()>,
    is_followed: AtomicBool,
}

impl Changes {
    fn lock(&self) -> MutexGuard<'_, Vec<KeptChange>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on changes are noted.
    pub(super) fn follow(&self) {
        self.is_followed.store(true, Ordering::Relaxed);
    }

    fn note(&self, (dataset, partition): (DatasetId, usize), bytes: Option<(usize, usize)>) {
        if self.is_followed.load(Ordering::Relaxed) {
            self.lock().push(KeptChange { dataset: dataset.0, partition, bytes });
        }
    }

    /// Hands over the changes since the last time; those of others only afterwards.
    pub(super) fn tell(&self, tell: impl FnOnce(Vec<KeptChange>)) {
        let _in_order = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = std::mem::take(&mut *self.lock());
        tell(changes);
    }
}

pub(super) struct CacheStore {
    changes: Changes,
    kept: Mutex<Kept>,
    limit: usize,
    folder: PathBuf,
}

impl CacheStore {
    pub(super) fn new(limit: usize, folder: PathBuf) -> Self {
        Self { changes: Changes::default(), kept: Mutex::default(), limit, folder }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What changes.
    pub(super) fn changes(&self) -> &Changes {
        &self.changes
    }

    pub(super) fn get(&self, dataset: DatasetId, partition: usize) -> Option<Stored> {
        let mut kept = self.kept();
        kept.clock += 1;
        let now = kept.clock;
        let entry = kept.datasets.get_mut(&dataset)?.get_mut(&partition)?;
        entry.used = now;
        Some(entry.stored.clone())
    }

    pub(super) fn put(&self, of: (DatasetId, usize), level: StorageLevel, stored: Stored, tally: &Tally) {
        let block = match stored {
            Stored::Disk(frames) => {
                let bytes = frames.bytes();
                self.changes.note(of, Some((0, bytes)));
                return self.kept().insert(of, level, Stored::Disk(frames), bytes);
            }
            Stored::Memory(block) => block,
        };
        let bytes = block.bytes();
        let room = {
            let mut kept = self.kept();
            let room = kept.make_room(of.0, bytes, self.limit, tally, &self.changes);
            if room.is_some() {
                self.changes.note(of, Some((bytes, 0)));
                kept.insert(of, level, Stored::Memory(Arc::clone(&block)), bytes);
            }
            room
        };
        match room {
            Some(leaving) => leaving.into_iter().for_each(|(dataset, partition, block)| {
                self.spill((dataset, partition), &*block, tally);
            }),
            None if level.uses_disk() => {
                self.kept().insert(of, level, Stored::Memory(Arc::clone(&block)), 0);
                self.spill(of, &*block, tally);
            }
            None => add(&tally.dropped),
        }
    }

    /// Puts a partition's block on disk, where it is still wanted; where that fails, it is no longer kept.
    fn spill(&self, of: (DatasetId, usize), block: &dyn Block, tally: &Tally) {
        let written = self.frames(of.0).and_then(|frames| {
            block.encode(&mut |bytes| frames.append(bytes))?;
            Ok(frames)
        });
        match written {
            Ok(frames) => {
                let mut kept = self.kept();
                let wanted = kept.datasets.get_mut(&of.0).and_then(|partitions| partitions.get_mut(&of.1));
                if let Some(entry) = wanted {
                    entry.bytes = frames.bytes();
                    self.changes.note(of, Some((0, entry.bytes)));
                    entry.stored = Stored::Disk(frames);
                    entry.is_leaving = false;
                    add(&tally.cached_spilled);
                }
            }
            Err(why) => {
                self.not_kept(of, &why);
                add(&tally.dropped);
            }
        }
    }

    /// Lets go of a partition that could not be written or read, and says so.
    pub(super) fn not_kept(&self, (dataset, partition): (DatasetId, usize), why: &Failure) {
        tracing::warn!(rdd = dataset.0, partition, %why, "a partition is not kept and will be computed again");
        self.remove(dataset, partition);
    }

    /// An empty run of frames in the file of a data set.
    pub(super) fn frames(&self, dataset: DatasetId) -> Result<Arc<dyn Frames>> {
        let mut kept = self.kept();
        let file = match kept.files.get(&dataset) {
            Some(file) => Arc::clone(file),
            None => {
                let file = SpillFile::new(self.folder.clone(), "a kept partition")?;
                kept.files.insert(dataset, Arc::clone(&file));
                file
            }
        };
        Ok(Arc::new(FrameList::new(file)))
    }

    pub(super) fn remove(&self, dataset: DatasetId, partition: usize) {
        let mut kept = self.kept();
        let gone = kept.datasets.get_mut(&dataset).and_then(|partitions| partitions.remove(&partition));
        self.changes.note((dataset, partition), None);
        kept.in_memory -= gone.map_or(0, |entry| entry.in_memory());
    }

    pub(super) fn remove_all(&self, dataset: DatasetId) {
        let mut kept = self.kept();
        kept.files.remove(&dataset);
        let gone = kept.datasets.remove(&dataset).unwrap_or_default();
        self.changes.lock().retain(|change| change.dataset != dataset.0);
        kept.in_memory -= gone.values().map(Entry::in_memory).sum::<usize>();
    }

    /// Whether all partitions are here.
    pub(super) fn has_all(&self, dataset: DatasetId, partitions: usize) -> bool {
        self.kept().datasets.get(&dataset).is_some_and(|kept| kept.len() >= partitions)
    }

    pub(super) fn size(&self, dataset: DatasetId) -> CachedSize {
        let kept = self.kept();
        let mut size = CachedSize::default();
        for entry in kept.datasets.get(&dataset).into_iter().flat_map(HashMap::values) {
            size.partitions += 1;
            match entry.stored {
                Stored::Memory(_) => size.memory += entry.bytes,
                Stored::Disk(..) => size.disk += entry.bytes,
            }
        }
        size
    }
}
