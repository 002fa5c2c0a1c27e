//! Reading: what a format is given, and what it gives.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_model::error::Result;
use millstream_model::record::Record;

/// The bytes of a file from some place on, in order.
pub trait Stream: Read + Send {
    /// Waits no longer than `patience`; whether the next read has something to give at once.
    fn wait(&mut self, patience: Duration) -> bool {
        let _ = patience;
        true
    }
}

/// A file, wherever it lies.
pub trait Input: Send + Sync {
    /// Its path or location, for messages and positions.
    fn name(&self) -> &Arc<str>;

    /// Its bytes from byte `from` on, counted behind the compression that its name tells of; what stands behind `end` is
    /// wanted only for the rest of a record.
    ///
    /// # Errors
    /// If it cannot be read, or is shorter than `from`.
    fn stream(&self, from: u64, end: Option<u64>) -> Result<Box<dyn Stream>>;

    /// Its length in bytes, as it lies there.
    ///
    /// # Errors
    /// If it cannot be told.
    fn length(&self) -> Result<u64>;

    /// Some of its bytes, as they lie there: all of the range, or an error.
    ///
    /// # Errors
    /// If it cannot be read, or is shorter than it was.
    fn range(&self, range: Range<u64>) -> Result<Vec<u8>>;
}

/// A range of a file's bytes, and how far it has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The first byte of the range.
    pub start: u64,
    /// The byte behind it; `None` for a file that is read as one.
    pub end: Option<u64>,
    /// The position that [`PartReader::position`] gave; `None` to begin.
    pub at: Option<(u64, u64)>,
}

impl Part {
    /// What records of the part are counted in: the file, or the file from a byte on.
    pub fn shown(&self, name: &str) -> String {
        if self.start == 0 { name.to_owned() } else { format!("{name} after byte {}", self.start) }
    }

    /// Whether what begins at this byte belongs to the part.
    pub fn has(&self, byte: u64) -> bool {
        byte >= self.start && self.end.is_none_or(|end| byte < end)
    }
}

/// A way to read files.
pub trait ReadFormat: Clone + Send + Sync + 'static {
    /// What is read.
    type Record: Record;
    /// What reads it.
    type Reader: PartReader<Self::Record>;

    /// What a source of such files is called: `TextFiles`.
    fn source_name(&self) -> &'static str;

    /// Refuses settings that contradict each other.
    ///
    /// # Errors
    /// If they do.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// How many bytes a part may have where `wanted` are asked for: `u64::MAX` if a file must be read as one.
    fn part_bytes(&self, wanted: u64) -> u64 {
        wanted
    }

    /// Opens a part.
    ///
    /// # Errors
    /// If it cannot be read, or is no file of this format.
    fn open(&self, input: Arc<dyn Input>, part: &Part) -> Result<Self::Reader>;
}

/// Reads a part of a file.
pub trait PartReader<T> {
    /// Waits no longer than `patience`; whether the next read has something to give at once.
    fn wait(&mut self, patience: Duration) -> bool {
        let _ = patience;
        true
    }

    /// Reads once and gives what came to `emit`, in batches. `false` when that was the end of the part.
    ///
    /// # Errors
    /// Those of `emit`; if the file cannot be read; if a record is none, with the place where it stood.
    fn read(&mut self, emit: &mut dyn FnMut(&mut Batch<T>) -> Result<()>) -> Result<bool>;

    /// A place behind the last record read, from which another reader of the same part can go on, and how many came before it;
    /// `None` while there is no such place yet. What the two numbers count is the format's.
    fn position(&self) -> Option<(u64, u64)>;
}
