//! Reading splits of whatever format, one after the other.
//!
//! Holds: the position of a split moves behind records that were emitted, and behind no others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::source::{Polled, SourceOutput, SourceReader};
use millstream_formats::file::{PartReader, ReadFormat};
use millstream_model::error::Result;

use super::FileSplit;
use super::input::FileInput;
use super::places::Places;

/// Reads splits in the order they came.
pub(super) struct FileReader<F: ReadFormat> {
    format: F,
    places: Places,
    splits: VecDeque<FileSplit>,
    /// What reads the first split.
    open: Option<F::Reader>,
}

impl<F: ReadFormat> FileReader<F> {
    pub(super) fn new(format: F, places: Places) -> Self {
        Self { format, places, splits: VecDeque::new(), open: None }
    }
}

/// What reads a split.
pub(super) fn open<F: ReadFormat>(split: &FileSplit, format: &F, places: &Places) -> Result<F::Reader> {
    format.open(Arc::new(FileInput::of(&split.path, places)?), &split.part())
}

impl<F: ReadFormat> SourceReader<F::Record, FileSplit> for FileReader<F> {
    fn add_split(&mut self, split: FileSplit) -> Result<()> {
        self.splits.push_back(split);
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, F::Record>, patience: Duration) -> Result<Polled> {
        let Some(split) = self.splits.front_mut() else { return Ok(Polled::NeedSplit) };
        let mut reader = match self.open.take() {
            Some(reader) => reader,
            None => open(split, &self.format, &self.places)?,
        };
        if !reader.wait(patience) {
            self.open = Some(reader);
            return Ok(Polled::Nothing);
        }
        if reader.read(&mut |batch| output.emit(batch))? {
            if let Some((byte, count)) = reader.position() {
                (split.byte, split.count) = (Some(byte), count);
            }
            self.open = Some(reader);
        } else {
            self.splits.pop_front();
        }
        Ok(Polled::More)
    }

    fn snapshot(&mut self) -> Vec<FileSplit> {
        self.splits.iter().cloned().collect()
    }
}
