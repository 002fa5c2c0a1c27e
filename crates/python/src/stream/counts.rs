//! How many records have passed through the operators of a job.
//!
//! The engine counts what it moves, and of these jobs that is chunks. Here their records are counted, by whoever has a
//! chunk in hand.
//! Holds: counted once per chunk; a restart does not set it back, so what is read again counts again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What has passed through an operator, over all its subtasks and attempts.
#[derive(Debug, Default)]
pub(super) struct Passed {
    came: AtomicU64,
    went: AtomicU64,
}

impl Passed {
    /// Records have come in.
    pub(super) fn came(&self, rows: usize) {
        self.came.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Records have gone out.
    pub(super) fn went(&self, rows: usize) {
        self.went.fetch_add(rows as u64, Ordering::Relaxed);
    }
}

/// An operator with its counts.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) name: String,
    pub(super) is_source: bool,
    pub(super) passed: Arc<Passed>,
}

impl Counted {
    /// Its name, the records that came in, and those that went out.
    pub(super) fn read(&self) -> (String, u64, u64) {
        let Passed { came, went } = &*self.passed;
        (self.name.clone(), came.load(Ordering::Relaxed), went.load(Ordering::Relaxed))
    }
}
