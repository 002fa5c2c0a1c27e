//! The one source of files, whatever is in them.

use std::time::Duration;

use millstream_dataflow::source::{Boundedness, Promise, Source, SourceReader, SplitEnumerator};
use millstream_formats::file::ReadFormat;
use millstream_formats::lines::{Delimiter, LineSettings, OnBadText, SkippedLines};
use millstream_formats::rows::{Csv, OnBadRow, RowKind, Rows, SkippedRows};
use millstream_model::error::Result;
use millstream_model::id::Subtask;
use millstream_storage::StorageSettings;

use super::{FileSplit, enumerator, places, reader};

/// The records of a file, of all files of a folder, or of those that a pattern matches, read in a format.
///
/// Files that end in `.gz`, `.zst`, `.snappy` or `.lz4` are read through their compression. In folders and patterns, names that
/// begin with `.` or `_` are left out: so are files being written named.
#[derive(Clone, Debug)]
pub struct FileSource<F> {
    path: String,
    split_bytes: u64,
    watch: Option<Duration>,
    pub(super) format: F,
    places: places::Places,
}

/// Each line of text files, as a [`millstream_model::text::Text`].
///
/// ```
/// use millstream_connectors::files::TextFiles;
/// let source = TextFiles::read("logs/2013-*.csv.gz");
/// ```
pub type TextFiles = FileSource<LineSettings>;

/// The rows of CSV files or of files with a JSON value on each line, each as a `T`.
///
/// ```
/// use millstream_connectors::files::{OnBadRow, RowFiles};
///
/// #[derive(Clone, serde::Deserialize)]
/// struct Flight { carrier: String, delay: Option<i32> }
///
/// let flights = RowFiles::<Flight>::csv("s3://flights/2013/*.csv.gz").on_bad_row(OnBadRow::Skip);
/// let events = RowFiles::<Flight>::json_lines("events");
/// ```
pub type RowFiles<T> = FileSource<Rows<T>>;

impl<F> FileSource<F> {
    /// The file or files at `path`: a file, a folder, or a pattern with `*`, `?`, `[]` or `**`; on this machine, or at a
    /// location such as `s3://bucket/2013/*.csv` or `hdfs://name-node:8020/logs`.
    pub fn of(path: impl Into<String>, format: F) -> Self {
        let places = places::Places::default();
        Self { path: path.into(), split_bytes: 32 << 20, watch: None, format, places }
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
}

impl FileSource<LineSettings> {
    /// The lines of the file or files at `path`, as [`FileSource::of`] takes it.
    pub fn read(path: impl Into<String>) -> Self {
        Self::of(path, LineSettings::default())
    }

    /// What ends a line: a character, or a text such as `"\r\n"`; `\n` (with a `\r` before it or without) if nothing else
    /// is said. Files whose lines a text of several bytes ends are not split.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<Delimiter>) -> Self {
        self.format.delimiter = delimiter.into();
        self
    }

    /// What becomes of a line that is not UTF-8; the job fails if nothing else is said.
    #[must_use]
    pub fn on_bad_text(mut self, choice: OnBadText) -> Self {
        self.format.on_bad_text = choice;
        self
    }

    /// All settings of how lines are cut.
    #[must_use]
    pub fn lines(mut self, settings: LineSettings) -> Self {
        self.format = settings;
        self
    }

    /// The count of lines left out for [`OnBadText::Skip`].
    pub fn skipped(&self) -> SkippedLines {
        self.format.skipped.clone()
    }
}

impl<T> FileSource<Rows<T>> {
    /// The rows of CSV files under a header. A file is read as one, since a quoted field may hold a line end.
    pub fn csv(path: impl Into<String>) -> Self {
        Self::csv_as(path, Csv::default())
    }

    /// The rows of CSV files that are written in another way.
    pub fn csv_as(path: impl Into<String>, csv: Csv) -> Self {
        Self::of(path, Rows::of(RowKind::Csv(csv)))
    }

    /// The JSON values of files that have one on each line. Large files are read in parts.
    pub fn json_lines(path: impl Into<String>) -> Self {
        Self::of(path, Rows::of(RowKind::JsonLines))
    }

    /// What becomes of a row that is none, or of another shape than `T`; the job fails if nothing else is said.
    #[must_use]
    pub fn on_bad_row(mut self, choice: OnBadRow) -> Self {
        self.format.on_bad = choice;
        self
    }

    /// The count of rows left out for [`OnBadRow::Skip`].
    pub fn skipped(&self) -> SkippedRows {
        self.format.skipped.clone()
    }
}

impl<F: ReadFormat> Source for FileSource<F> {
    type Record = F::Record;
    type Split = FileSplit;

    fn name(&self) -> String {
        self.format.source_name().into()
    }

    fn boundedness(&self) -> Boundedness {
        if self.watch.is_some() { Boundedness::Unbounded } else { Boundedness::Bounded }
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<FileSplit>>> {
        self.format.check()?;
        let enumerator = enumerator::FileEnumerator::new(
            self.path.clone(),
            self.places.clone(),
            self.format.part_bytes(self.split_bytes),
            self.watch,
            restored,
        )?;
        Ok(Box::new(enumerator))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<F::Record, FileSplit>>> {
        Ok(Box::new(reader::FileReader::new(self.format.clone(), self.places.clone())))
    }
}
