//! What becomes of a row that cannot be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What becomes of a row that is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBadRow {
    /// The job fails; the error says which row, and what is wrong with it.
    #[default]
    Fail,
    /// The row is left out and counted in [`SkippedRows`].
    Skip,
}

/// How many rows were left out, over all readers of a source since the process started.
#[derive(Clone, Debug, Default)]
pub struct SkippedRows(Arc<AtomicU64>);

impl SkippedRows {
    /// The count so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// One more.
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
