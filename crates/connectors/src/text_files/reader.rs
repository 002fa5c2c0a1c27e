//! Reading the lines of splits, one split after the other.

use std::collections::VecDeque;
use std::time::Duration;

use millstream_dataflow::source::{Polled, SourceOutput, SourceReader};
use millstream_formats::lines::LineSettings;
use millstream_model::error::Result;
use millstream_model::text::Text;

use super::places::Places;
use super::{FileSplit, SplitLines};

/// Reads splits in the order they came.
pub(super) struct FileReader {
    settings: LineSettings,
    places: Places,
    splits: VecDeque<FileSplit>,
    /// The lines of the first split.
    open: Option<SplitLines>,
}

impl FileReader {
    pub(super) fn new(settings: LineSettings, places: Places) -> Self {
        Self { settings, places, splits: VecDeque::new(), open: None }
    }
}

impl SourceReader<Text, FileSplit> for FileReader {
    fn add_split(&mut self, split: FileSplit) -> Result<()> {
        self.splits.push_back(split);
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, Text>, patience: Duration) -> Result<Polled> {
        let Some(split) = self.splits.front_mut() else { return Ok(Polled::NeedSplit) };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => SplitLines::open_in(split, &self.settings, &self.places)?,
        };
        if !open.wait(patience) {
            self.open = Some(open);
            return Ok(Polled::Nothing);
        }
        if open.read(&mut |batch| output.emit(batch))? {
            if let Some((byte, lines)) = open.position() {
                (split.byte, split.lines) = (Some(byte), lines);
            }
            self.open = Some(open);
        } else {
            self.splits.pop_front();
        }
        Ok(Polled::More)
    }

    fn snapshot(&mut self) -> Vec<FileSplit> {
        self.splits.iter().cloned().collect()
    }
}
