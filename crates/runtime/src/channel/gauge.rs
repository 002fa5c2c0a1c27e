//! How many records are between the subtasks of a job.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the records in all channels of a job, now and at most.
#[derive(Debug, Default)]
pub struct Gauge {
    now: AtomicUsize,
    peak: AtomicUsize,
}

impl Gauge {
    /// Records have been put into a channel.
    pub fn add(&self, records: usize) {
        let now = self.now.fetch_add(records, Ordering::Relaxed) + records;
        self.peak.fetch_max(now, Ordering::Relaxed);
    }

    /// Records have been taken out.
    pub fn remove(&self, records: usize) {
        self.now.fetch_sub(records, Ordering::Relaxed);
    }

    /// The records in flight now.
    pub fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// The most that there were.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }
}
