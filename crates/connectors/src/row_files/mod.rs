//! Files of rows as a source: CSV and JSON lines, into the program's own types.
//!
//! Answers for reading rows and for what becomes of bad ones. Finding files, splits, compression and places elsewhere are
//! those of `text_files`.
//! Holds: exactly once, as long as files do not change once they are found.

mod reader;
#[cfg(test)]
mod tests;

pub use millstream_formats::rows::{Csv, OnBadRow, Ragged, SkippedRows};

use std::marker::PhantomData;
use std::time::Duration;

use millstream_dataflow::source::{Boundedness, Promise, Source, SourceReader, SplitEnumerator};
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use millstream_model::record::Record;
use millstream_storage::StorageSettings;
use serde::de::DeserializeOwned;

use crate::text_files::{FileSplit, TextFiles};

/// The rows of a file, of all files of a folder, or of those that a pattern matches, each as a `T`.
///
/// ```
/// use millstream_connectors::row_files::{OnBadRow, RowFiles};
///
/// #[derive(Clone, serde::Deserialize)]
/// struct Flight { carrier: String, delay: Option<i32> }
///
/// let flights = RowFiles::<Flight>::csv("s3://flights/2013/*.csv.gz").on_bad_row(OnBadRow::Skip);
/// let events = RowFiles::<Flight>::json_lines("events");
/// ```
#[derive(Debug)]
pub struct RowFiles<T> {
    files: TextFiles,
    format: Format,
    on_bad: OnBadRow,
    skipped: SkippedRows,
    row: PhantomData<fn() -> T>,
}

impl<T> Clone for RowFiles<T> {
    fn clone(&self) -> Self {
        let Self { files, format, on_bad, skipped, row } = self;
        Self { files: files.clone(), format: *format, on_bad: *on_bad, skipped: skipped.clone(), row: *row }
    }
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Csv(Csv),
    JsonLines,
}

impl<T> RowFiles<T> {
    /// The rows of CSV files under a header. A file is read as one, since a quoted field may hold a line end.
    pub fn csv(path: impl Into<String>) -> Self {
        Self::csv_as(path, Csv::default())
    }

    /// The rows of CSV files that are written in another way.
    pub fn csv_as(path: impl Into<String>, csv: Csv) -> Self {
        Self::of(TextFiles::read(path).split_bytes(u64::MAX), Format::Csv(csv))
    }

    /// The JSON values of files that have one on each line. Large files are read in parts.
    pub fn json_lines(path: impl Into<String>) -> Self {
        Self::of(TextFiles::read(path), Format::JsonLines)
    }

    fn of(files: TextFiles, format: Format) -> Self {
        Self { files, format, on_bad: OnBadRow::Fail, skipped: SkippedRows::default(), row: PhantomData }
    }

    /// What becomes of a row that is none, or of another shape than `T`; the job fails if nothing else is said.
    #[must_use]
    pub fn on_bad_row(mut self, choice: OnBadRow) -> Self {
        self.on_bad = choice;
        self
    }

    /// The count of rows left out for [`OnBadRow::Skip`].
    pub fn skipped(&self) -> SkippedRows {
        self.skipped.clone()
    }

    /// As [`TextFiles::watch`].
    #[must_use]
    pub fn watch(mut self, interval: Duration) -> Self {
        self.files = self.files.watch(interval);
        self
    }

    /// As [`TextFiles::storage`].
    #[must_use]
    pub fn storage(mut self, settings: StorageSettings) -> Self {
        self.files = self.files.storage(settings);
        self
    }

    fn check(&self) -> Result<()> {
        match self.format {
            Format::Csv(csv) if csv.delimiter == csv.quote || [b'\n', b'\r'].contains(&csv.delimiter) => {
                Err(Failure::user("the delimiter of CSV fields cannot be the quote or a line end")
                    .advice("such as `,`, `;` or a tab"))
            }
            _ => Ok(()),
        }
    }
}

impl<T: Record + DeserializeOwned> Source for RowFiles<T> {
    type Record = T;
    type Split = FileSplit;

    fn name(&self) -> String {
        match self.format {
            Format::Csv(_) => "CsvFiles".into(),
            Format::JsonLines => "JsonFiles".into(),
        }
    }

    fn boundedness(&self) -> Boundedness {
        self.files.boundedness()
    }

    fn promise(&self) -> Promise {
        self.files.promise()
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<FileSplit>>> {
        self.check()?;
        self.files.enumerator(restored)
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<T, FileSplit>>> {
        Ok(Box::new(reader::RowReader::new(self.clone())))
    }
}
