//! Lines of files, in splits by byte range.
//!
//! Answers for handing the connector's lines to tasks that pull. Not for finding, splitting or reading files: that is
//! the same for an Rdd as for a stream.
//! Holds: a split is read anew by each task that asks for it.

use std::collections::VecDeque;
use std::path::Path;

use millstream_connectors::files::{FileSplit, LineSettings, PartLines, PartReader, bytes, lines};
use millstream_dataflow::batch::{Batch, DEFAULT_BATCH};
use millstream_dataflow::lineage::Pull;
use millstream_model::error::{Failure, Position, Result, Unit};
use millstream_model::text::{Text, TextError};

/// A path as the connector takes it.
pub(super) fn name(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Failure::user(format!("the path `{}` is not UTF-8", path.display())).advice("rename what it leads to")
    })
}

/// The whole text of a file.
pub(super) fn whole(path: &str) -> Result<Text> {
    Text::from_utf8(&bytes(path)?).map_err(|error| {
        let byte = match error {
            TextError::NotUtf8 { valid_up_to } => valid_up_to as u64,
            TextError::TooLong { .. } => 0,
        };
        let source = path.into();
        let place = Position { source, unit: Unit::Byte, first: byte, last: byte };
        Failure::user("the file is not text").because(error).at(place)
    })
}

/// The lines of a split.
pub(super) struct LinesPull {
    lines: PartLines,
    /// What the last read gave: a few batches.
    cut: VecDeque<Batch<Text>>,
    more: bool,
}

impl LinesPull {
    pub(super) fn open(split: &FileSplit, settings: &LineSettings) -> Result<Self> {
        Ok(Self { lines: lines(split, settings)?, cut: VecDeque::new(), more: true })
    }
}

impl Pull<Text> for LinesPull {
    fn next(&mut self) -> Result<Option<Batch<Text>>> {
        while self.cut.is_empty() && self.more {
            let cut = &mut self.cut;
            self.more = self.lines.read(&mut |batch| {
                cut.push_back(std::mem::replace(batch, Batch::with_capacity(DEFAULT_BATCH)));
                Ok(())
            })?;
        }
        Ok(self.cut.pop_front())
    }
}
