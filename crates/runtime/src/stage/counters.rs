//! What was run, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// What an engine has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Map tasks that left their blocks.
    pub map_tasks: u64,
    /// Tasks that gave an action its result.
    pub result_tasks: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// Partitions of cached data sets that were computed.
    pub cached_partitions_computed: u64,
    /// Shuffle blocks that were written to disk.
    pub blocks_spilled: u64,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) map_tasks: AtomicU64,
    pub(super) result_tasks: AtomicU64,
    pub(super) failed_attempts: AtomicU64,
    pub(super) cached: AtomicU64,
    pub(super) spilled: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Tally {
    pub(super) fn read(&self) -> Counters {
        Counters {
            map_tasks: self.map_tasks.load(Ordering::Relaxed),
            result_tasks: self.result_tasks.load(Ordering::Relaxed),
            failed_attempts: self.failed_attempts.load(Ordering::Relaxed),
            cached_partitions_computed: self.cached.load(Ordering::Relaxed),
            blocks_spilled: self.spilled.load(Ordering::Relaxed),
        }
    }
}
