//! Who has which blocks and kept partitions.
//!
//! Holds: what an executor had is nowhere once the executor is lost.

use std::collections::{BTreeMap, HashMap};

use millstream_dataflow::lineage::{DatasetId, ShuffleId};

use super::super::CachedSize;
use crate::control::{ExecutorId, KeptChange};

#[derive(Default)]
struct Placed {
    maps: BTreeMap<usize, ExecutorId>,
    /// Counted up with each change.
    version: u64,
}

struct Keeper {
    executor: ExecutorId,
    memory: usize,
    disk: usize,
}

/// See the module.
#[derive(Default)]
pub(super) struct Known {
    shuffles: HashMap<ShuffleId, Placed>,
    kept: HashMap<DatasetId, HashMap<usize, Keeper>>,
}

impl Known {
    pub(super) fn missing(&self, shuffle: ShuffleId, maps: usize) -> Vec<usize> {
        let placed = self.shuffles.get(&shuffle);
        (0..maps).filter(|map| placed.is_none_or(|placed| !placed.maps.contains_key(map))).collect()
    }

    /// A map task has left its blocks with an executor.
    pub(super) fn made(&mut self, shuffle: ShuffleId, map: usize, executor: ExecutorId) {
        let placed = self.shuffles.entry(shuffle).or_default();
        placed.maps.insert(map, executor);
        placed.version += 1;
    }

    /// Blocks could not be had from `of`. Whoever made them again meanwhile is not meant.
    pub(super) fn lost(&mut self, shuffle: ShuffleId, map: usize, of: Option<ExecutorId>) {
        if let Some(placed) = self.shuffles.get_mut(&shuffle)
            && placed.maps.get(&map).copied() == of
            && placed.maps.remove(&map).is_some()
        {
            placed.version += 1;
        }
    }

    /// Lets go of what a map task left, wherever it is.
    pub(super) fn lose(&mut self, shuffle: ShuffleId, map: usize) {
        let of = self.shuffles.get(&shuffle).and_then(|placed| placed.maps.get(&map)).copied();
        self.lost(shuffle, map, of);
    }

    /// An executor is gone.
    pub(super) fn lost_all_of(&mut self, executor: ExecutorId) {
        for placed in self.shuffles.values_mut() {
            let before = placed.maps.len();
            placed.maps.retain(|_, of| *of != executor);
            placed.version += u64::from(placed.maps.len() < before);
        }
        self.kept.values_mut().for_each(|kept| kept.retain(|_, keeper| keeper.executor != executor));
    }

    /// Who has the blocks of a shuffle, if there is news since `version`.
    pub(super) fn places(
        &self,
        shuffle: ShuffleId,
        version: u64,
    ) -> Option<(u64, &BTreeMap<usize, ExecutorId>)> {
        let placed = self.shuffles.get(&shuffle)?;
        (placed.version > version).then_some((placed.version, &placed.maps))
    }

    /// What an executor keeps has changed.
    pub(super) fn kept(&mut self, executor: ExecutorId, change: KeptChange) {
        let kept = self.kept.entry(DatasetId(change.dataset)).or_default();
        match change.bytes {
            Some((memory, disk)) => {
                kept.insert(change.partition, Keeper { executor, memory, disk });
            }
            None if kept.get(&change.partition).is_some_and(|keeper| keeper.executor == executor) => {
                kept.remove(&change.partition);
            }
            None => {}
        }
    }

    pub(super) fn keeper(&self, dataset: DatasetId, partition: usize) -> Option<ExecutorId> {
        self.kept.get(&dataset)?.get(&partition).map(|keeper| keeper.executor)
    }

    pub(super) fn has_all(&self, dataset: DatasetId, partitions: usize) -> bool {
        self.kept.get(&dataset).is_some_and(|kept| kept.len() >= partitions)
    }

    pub(super) fn lose_kept(&mut self, dataset: DatasetId, partition: usize) {
        if let Some(kept) = self.kept.get_mut(&dataset) {
            kept.remove(&partition);
        }
    }

    pub(super) fn forget_shuffle(&mut self, shuffle: ShuffleId) {
        self.shuffles.remove(&shuffle);
    }

    pub(super) fn forget_kept(&mut self, dataset: DatasetId) {
        self.kept.remove(&dataset);
    }

    pub(super) fn size(&self, dataset: DatasetId) -> CachedSize {
        let mut size = CachedSize::default();
        for keeper in self.kept.get(&dataset).into_iter().flat_map(HashMap::values) {
            size.partitions += 1;
            size.memory += keeper.memory;
            size.disk += keeper.disk;
        }
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ExecutorId = ExecutorId(1);
    const TWO: ExecutorId = ExecutorId(2);

    #[test]
    fn only_what_a_lost_executor_had_is_missing() {
        let (mut known, shuffle) = (Known::default(), ShuffleId(7));
        for map in 0..4 {
            known.made(shuffle, map, if map % 2 == 0 { ONE } else { TWO });
        }
        assert!(known.missing(shuffle, 4).is_empty());
        let (version, _) = known.places(shuffle, 0).unwrap();
        assert!(known.places(shuffle, version).is_none());
        known.lost_all_of(ONE);
        assert_eq!(known.missing(shuffle, 4), [0, 2]);
        assert!(known.places(shuffle, version).is_some());
    }

    #[test]
    fn a_late_complaint_does_not_cost_what_was_made_again() {
        let (mut known, shuffle) = (Known::default(), ShuffleId(7));
        known.made(shuffle, 0, ONE);
        known.lost(shuffle, 0, Some(ONE));
        known.made(shuffle, 0, TWO);
        known.lost(shuffle, 0, Some(ONE));
        known.lost(shuffle, 0, None);
        assert!(known.missing(shuffle, 1).is_empty());
        known.lost(shuffle, 0, Some(TWO));
        assert_eq!(known.missing(shuffle, 1), [0]);
    }

    #[test]
    fn a_partition_is_kept_until_its_keeper_lets_go_of_it_or_is_lost() {
        let (mut known, dataset) = (Known::default(), DatasetId(3));
        let change = |partition, bytes| KeptChange { dataset: 3, partition, bytes };
        known.kept(ONE, change(0, Some((10, 0))));
        known.kept(TWO, change(1, Some((0, 20))));
        assert!(known.has_all(dataset, 2) && !known.has_all(dataset, 3));
        assert_eq!(known.size(dataset), CachedSize { partitions: 2, memory: 10, disk: 20 });
        known.kept(TWO, change(0, None));
        assert_eq!(known.keeper(dataset, 0), Some(ONE), "let go of by one that did not keep it");
        known.kept(TWO, change(1, None));
        known.lost_all_of(ONE);
        assert_eq!(known.size(dataset), CachedSize::default());
    }
}
