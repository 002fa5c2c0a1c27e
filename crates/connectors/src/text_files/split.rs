//! A part of a file, with the position in it.

use millstream_dataflow::source::Split;
use serde::{Deserialize, Serialize};

/// The lines of a file that begin in a range of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSplit {
    /// The file.
    pub path: String,
    /// The first byte of the range.
    pub start: u64,
    /// The byte behind the range; `None` for a compressed file, which is read whole.
    pub end: Option<u64>,
    /// The position: the byte behind the last line emitted (behind the compression). `None` before the first read.
    pub byte: Option<u64>,
    /// How many lines of the split were read.
    pub lines: u64,
}

impl FileSplit {
    /// A range not yet read.
    pub(crate) fn new(path: String, start: u64, end: Option<u64>) -> Self {
        Self { path, start, end, byte: None, lines: 0 }
    }

    /// What its lines are counted in: the file, or the part of it that the split is.
    pub(crate) fn shown(&self) -> String {
        if self.start == 0 { self.path.clone() } else { format!("{} after byte {}", self.path, self.start) }
    }
}

impl Split for FileSplit {
    fn id(&self) -> String {
        match self.end {
            Some(end) => format!("{}:{}-{end}", self.path, self.start),
            None => self.path.clone(),
        }
    }
}
