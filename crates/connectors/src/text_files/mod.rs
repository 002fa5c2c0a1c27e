//! Text files as a source.
//!
//! Answers for finding files, for splitting them on line ends, for reading through compression, and for files that
//! come later. Not for what is in a line.
//! Holds: exactly once, as long as files do not change once they are found.

mod enumerator;
mod find;
mod lines;
mod places;
mod reader;

pub mod sink;
mod split;
#[cfg(test)]
mod tests;

pub use find::{bytes, found};
pub use lines::SplitLines;
pub use millstream_formats::lines::{Delimiter, LineSettings, OnBadText, SkippedLines};
pub use split::{FileSplit, splits};

use std::time::Duration;

use millstream_dataflow::source::{Boundedness, Promise, Source, SourceReader, SplitEnumerator};
use millstream_model::error::Result;
use millstream_model::id::Subtask;
use millstream_model::text::Text;
use millstream_storage::StorageSettings;

/// Each line of a file, of all files of a folder, or of those that a pattern matches, as a [`Text`].
///
/// Files that end in `.gz` or `.zst` are read through their compression. In folders and patterns, names that begin
/// with `.` or `_` are left out: so are files being written named.
///
/// ```
/// use millstream_connectors::text_files::TextFiles;
/// let source = TextFiles::read("logs/2013-*.csv.gz");
/// ```
#[derive(Clone, Debug)]
pub struct TextFiles {
    path: String,
    split_bytes: u64,
    watch: Option<Duration>,
    lines: LineSettings,
    places: places::Places,
}

impl TextFiles {
    /// The lines of the file or files at `path`: a file, a folder, or a pattern with `*`, `?`, `[]` or `**`; on this machine, or
    /// at a location such as `s3://bucket/2013/*.csv` or `hdfs://name-node:8020/logs`.
    pub fn read(path: impl Into<String>) -> Self {
        let (lines, places) = (LineSettings::default(), places::Places::default());
        Self { path: path.into(), split_bytes: 32 << 20, watch: None, lines, places }
    }

    /// The settings for opening a location elsewhere; those of the environment if nothing else is said.
    #[must_use]
    pub fn storage(mut self, settings: StorageSettings) -> Self {
        self.places = places::Places(Some(settings));
        self
    }

    /// How large a part of a file is read as one, in bytes; 32 MiB if nothing else is said. Compressed files are not
    /// split.
    #[must_use]
    pub fn split_bytes(mut self, bytes: u64) -> Self {
        self.split_bytes = bytes.max(1);
        self
    }

    /// Goes on when all files are read, and looks for new ones at this interval. New files should get their name
    /// when they are complete: what is added to a file after it was found is not read. The names of all files found are
    /// kept in the checkpoint.
    #[must_use]
    pub fn watch(mut self, interval: Duration) -> Self {
        self.watch = Some(interval);
        self
    }

    /// What ends a line: a character, or a text such as `"\r\n"`; `\n` (with a `\r` before it or without) if nothing else
    /// is said. Files whose lines a text of several bytes ends are not split.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<Delimiter>) -> Self {
        self.lines.delimiter = delimiter.into();
        self
    }

    /// What becomes of a line that is not UTF-8; the job fails if nothing else is said.
    #[must_use]
    pub fn on_bad_text(mut self, choice: OnBadText) -> Self {
        self.lines.on_bad_text = choice;
        self
    }

    /// All settings of how lines are cut.
    #[must_use]
    pub fn lines(mut self, settings: LineSettings) -> Self {
        self.lines = settings;
        self
    }

    /// The count of lines left out for [`OnBadText::Skip`].
    pub fn skipped(&self) -> SkippedLines {
        self.lines.skipped.clone()
    }
}

impl Source for TextFiles {
    type Record = Text;
    type Split = FileSplit;

    fn name(&self) -> String {
        "TextFiles".into()
    }

    fn boundedness(&self) -> Boundedness {
        if self.watch.is_some() { Boundedness::Unbounded } else { Boundedness::Bounded }
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<FileSplit>>> {
        self.lines.check()?;
        let split_bytes = split::largest(&self.lines, self.split_bytes);
        let enumerator = enumerator::FileEnumerator::new(
            self.path.clone(),
            self.places.clone(),
            split_bytes,
            self.watch,
            restored,
        )?;
        Ok(Box::new(enumerator))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<Text, FileSplit>>> {
        Ok(Box::new(reader::FileReader::new(self.lines.clone(), self.places.clone())))
    }
}
