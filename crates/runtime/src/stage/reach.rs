//! The blocks that a task of an executor can reach: those of its own process, and those that other executors lend.
//!
//! Answers for where blocks are, as the master told, and for noting what could not be had. Not for making it again.
//! Holds: a task that failed because of blocks that were lost says which.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::{
    Blocks, Cancellation, DatasetId, Frames, ShuffleId, StorageLevel, Stored,
};
use millstream_model::error::{Failure, Result};

use super::engine::Stores;
use super::fetch::{Reader, Wanted};
use super::team::LostBlock;
use crate::control::{BlockPeer, ExecutorId};

/// By map task.
type Maps = HashMap<usize, BlockPeer>;

/// Who has the blocks of shuffles.
#[derive(Default)]
pub(super) struct Places(Mutex<HashMap<ShuffleId, Arc<Maps>>>);

impl Places {
    fn lock(&self) -> MutexGuard<'_, HashMap<ShuffleId, Arc<Maps>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The master has told the places of a shuffle.
    pub(super) fn put(&self, shuffle: u64, peers: &[BlockPeer], maps: &[(usize, usize)]) {
        let maps = maps.iter().filter_map(|(map, peer)| Some((*map, *peers.get(*peer)?)));
        self.lock().insert(ShuffleId(shuffle), Arc::new(maps.collect()));
    }

    /// Nobody asks for the shuffle any more.
    pub(super) fn forget(&self, shuffle: ShuffleId) {
        self.lock().remove(&shuffle);
    }

    fn find(&self, shuffle: ShuffleId, map: usize) -> Option<BlockPeer> {
        self.lock().get(&shuffle).and_then(|maps| maps.get(&map)).copied()
    }
}

/// The blocks of all executors, seen from one of them.
pub(super) struct Reach {
    pub(super) own: ExecutorId,
    pub(super) stores: Arc<Stores>,
    pub(super) places: Arc<Places>,
    pub(super) reader: Arc<Reader>,
}

/// What a task could not have.
#[derive(Clone, Default)]
pub(super) struct Lost(Arc<Mutex<Vec<LostBlock>>>);

impl Lost {
    fn note(&self, lost: LostBlock) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !noted.contains(&lost) {
            noted.push(lost);
        }
    }

    /// What was noted.
    pub(super) fn take(&self) -> Vec<LostBlock> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reach {
    /// The blocks for one attempt, and what it will not have been able to have.
    pub(super) fn for_task(self: &Arc<Self>) -> (Arc<dyn Blocks>, Lost) {
        let lost = Lost::default();
        (Arc::new(TaskBlocks { reach: Arc::clone(self), lost: lost.clone() }), lost)
    }

    fn fetch(&self, address: SocketAddr, wanted: Wanted) -> Result<Arc<dyn Frames>> {
        Ok(Arc::new(self.reader.open(address, wanted)?))
    }
}

struct TaskBlocks {
    reach: Arc<Reach>,
    lost: Lost,
}

impl TaskBlocks {
    fn stores(&self) -> &Stores {
        &self.reach.stores
    }
}

impl Blocks for TaskBlocks {
    fn shuffled(&self, shuffle: ShuffleId, map: usize, block: usize) -> Result<Stored> {
        // What an attempt left here that did not count is not read: all readers read what the same attempt left.
        let peer = self.reach.places.find(shuffle, map);
        let lost = |why: Failure| {
            self.lost.note(LostBlock { shuffle, map, of: peer.map(|peer| peer.executor.0) });
            why
        };
        match peer {
            Some(peer) if peer.executor != self.reach.own => {
                let wanted = Wanted::Block { shuffle: shuffle.0, map, block };
                self.reach.fetch(peer.blocks, wanted).map(Stored::Disk).map_err(lost)
            }
            _ => self.stores().shuffles.get(shuffle, map, block).map_err(lost),
        }
    }

    fn shuffle_share(&self) -> usize {
        self.stores().shuffle_share()
    }

    fn shuffle_frames(&self, shuffle: ShuffleId) -> Result<Arc<dyn Frames>> {
        self.stores().shuffle_frames(shuffle)
    }

    fn unreadable(&self, shuffle: ShuffleId, map: usize) {
        let peer = self.reach.places.find(shuffle, map);
        self.lost.note(LostBlock { shuffle, map, of: peer.map(|peer| peer.executor.0) });
        self.stores().unreadable(shuffle, map);
    }

    fn kept(&self, dataset: DatasetId, partition: usize) -> Option<Stored> {
        self.stores().kept(dataset, partition)
    }

    fn claim(&self, dataset: DatasetId, partition: usize, cancellation: &Cancellation) -> Result<()> {
        self.stores().claim(dataset, partition, cancellation)
    }

    fn release(&self, dataset: DatasetId, partition: usize) {
        self.stores().release(dataset, partition);
    }

    fn keep(&self, dataset: DatasetId, partition: usize, level: StorageLevel, stored: Stored) {
        self.stores().keep(dataset, partition, level, stored);
    }

    fn frames(&self, dataset: DatasetId) -> Result<Arc<dyn Frames>> {
        self.stores().frames(dataset)
    }

    fn not_kept(&self, dataset: DatasetId, partition: usize, why: &Failure) {
        self.stores().not_kept(dataset, partition, why);
    }
}
