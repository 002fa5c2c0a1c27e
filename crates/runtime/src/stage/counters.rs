//! What was run, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// What an engine has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Map tasks that left their blocks.
    pub map_tasks: u64,
    /// Tasks that gave an action its result.
    pub result_tasks: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// Attempts that came to nothing because a process was lost, or blocks that they needed.
    pub lost_attempts: u64,
    /// Attempts at tasks of which another one ran already.
    pub speculative_attempts: u64,
    /// Map stages that were asked for and whose blocks were all there already.
    pub skipped_stages: u64,
    /// Partitions of kept data sets that were computed.
    pub cached_partitions_computed: u64,
    /// Kept partitions that made room, or found none, and are nowhere now.
    pub cached_partitions_dropped: u64,
    /// Kept partitions that made room, or found none, and were written to disk.
    pub cached_partitions_spilled: u64,
    /// Shuffle blocks that were written to disk.
    pub blocks_spilled: u64,
}

impl Counters {
    /// These, with what the stores of another process counted.
    pub(super) fn with_stores_of(mut self, other: &Self) -> Self {
        self.cached_partitions_computed += other.cached_partitions_computed;
        self.cached_partitions_dropped += other.cached_partitions_dropped;
        self.cached_partitions_spilled += other.cached_partitions_spilled;
        self.blocks_spilled += other.blocks_spilled;
        self
    }
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) map_tasks: AtomicU64,
    pub(super) result_tasks: AtomicU64,
    pub(super) failed_attempts: AtomicU64,
    pub(super) lost_attempts: AtomicU64,
    pub(super) speculative_attempts: AtomicU64,
    pub(super) skipped_stages: AtomicU64,
    pub(super) cached: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) cached_spilled: AtomicU64,
    pub(super) spilled: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Tally {
    pub(super) fn read(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            map_tasks: read(&self.map_tasks),
            result_tasks: read(&self.result_tasks),
            failed_attempts: read(&self.failed_attempts),
            lost_attempts: read(&self.lost_attempts),
            speculative_attempts: read(&self.speculative_attempts),
            skipped_stages: read(&self.skipped_stages),
            cached_partitions_computed: read(&self.cached),
            cached_partitions_dropped: read(&self.dropped),
            cached_partitions_spilled: read(&self.cached_spilled),
            blocks_spilled: read(&self.spilled),
        }
    }
}
