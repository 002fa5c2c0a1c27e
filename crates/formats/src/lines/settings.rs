//! How lines are to be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millstream_model::error::Result;

use super::Delimiter;

/// What becomes of a line that is not UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBadText {
    /// The job fails; the error says which line and byte.
    #[default]
    Fail,
    /// Bad bytes become U+FFFD, the replacement character.
    Replace,
    /// The line is left out and counted in [`SkippedLines`].
    Skip,
}

/// How many lines were left out because they were not UTF-8, over all readers of a source since the process started.
#[derive(Clone, Debug, Default)]
pub struct SkippedLines(Arc<AtomicU64>);

impl SkippedLines {
    /// The count so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts one.
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// How lines are cut out of bytes.
#[derive(Clone, Debug)]
pub struct LineSettings {
    /// What ends a line. At `\n`, a `\r` before it belongs to the end as well.
    pub delimiter: Delimiter,
    /// What becomes of a line that is not UTF-8.
    pub on_bad_text: OnBadText,
    /// The longest line, in bytes; a longer one is an error rather than a buffer without bound.
    pub longest: usize,
    /// How many bytes to ask for in one read.
    pub read_bytes: usize,
    /// Where left out lines are counted.
    pub skipped: SkippedLines,
}

impl Default for LineSettings {
    fn default() -> Self {
        Self {
            delimiter: Delimiter::default(),
            on_bad_text: OnBadText::Fail,
            longest: 64 << 20,
            read_bytes: 64 << 10,
            skipped: SkippedLines::default(),
        }
    }
}

impl LineSettings {
    /// Refuses what cannot work.
    ///
    /// # Errors
    /// If the delimiter is empty, or a byte that is not ASCII.
    pub fn check(&self) -> Result<()> {
        self.delimiter.check()
    }
}
