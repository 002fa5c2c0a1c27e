//! A part of a file, with the position in it.

use std::path::Path;

use millstream_dataflow::source::Split;
use millstream_formats::compression::Compression;
use millstream_formats::file::{Part, ReadFormat};
use millstream_formats::lines::{LineSettings, PartLines};
use millstream_model::error::Result;
use serde::{Deserialize, Serialize};

use super::find::{length_of, some};
use super::places::Places;
use super::reader::open;

/// The records of a file that belong to a range of its bytes: lines that begin there, row groups, blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSplit {
    /// The file.
    pub path: String,
    /// The first byte of the range.
    pub start: u64,
    /// The byte behind the range; `None` for a compressed file, which is read whole.
    pub end: Option<u64>,
    /// The position, as the format counts: for lines the byte behind the last one emitted (behind the compression). `None`
    /// before the first read.
    pub byte: Option<u64>,
    /// How many records came before the position; for lines, those of the split.
    pub count: u64,
}

impl FileSplit {
    /// A range not yet read.
    pub(crate) fn new(path: String, start: u64, end: Option<u64>) -> Self {
        Self { path, start, end, byte: None, count: 0 }
    }

    /// As a format is told of it.
    pub(super) fn part(&self) -> Part {
        Part { start: self.start, end: self.end, at: self.byte.map(|byte| (byte, self.count)) }
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

/// A file of `length` bytes in splits of up to `bytes`: none if it is empty, one if it is compressed.
pub(super) fn cut(name: &str, length: u64, bytes: u64) -> Vec<FileSplit> {
    if Compression::of(Path::new(name)) != Compression::Plain {
        return vec![FileSplit::new(name.to_owned(), 0, None)];
    }
    let starts = (0..).map(|at: u64| at.saturating_mul(bytes)).take_while(|start| *start < length);
    let split =
        |start: u64| FileSplit::new(name.to_owned(), start, Some(length.min(start.saturating_add(bytes))));
    starts.map(split).collect()
}

/// The files at `path` (as [`super::found`] finds them), cut into about `wanted` splits of like size, at least one for each file
/// that is not empty. A file whose lines end in more than one byte is one split.
///
/// # Errors
/// As [`super::found`]; if a file may not be read; if the settings cannot be.
pub fn splits(path: &str, wanted: usize, settings: &LineSettings) -> Result<Vec<FileSplit>> {
    settings.check()?;
    let mut sized = Vec::new();
    for file in some(path, &Places::default())? {
        let length = length_of(&file)?;
        sized.push((file.name, length));
    }
    let total: u64 = sized.iter().map(|(_, length)| length).sum();
    let goal = total.div_ceil(wanted.max(1) as u64).max(1);
    let even = |length: u64| length.div_ceil(length.div_ceil(goal).max(1)).max(1);
    let sized = sized.into_iter();
    Ok(sized.flat_map(|(name, length)| cut(&name, length, settings.part_bytes(even(length)))).collect())
}

/// Opens the lines of a split, for who reads without a stream.
///
/// # Errors
/// If the file cannot be read, or is shorter than what was read of it before.
pub fn lines(split: &FileSplit, settings: &LineSettings) -> Result<PartLines> {
    open(split, settings, &Places::default())
}
