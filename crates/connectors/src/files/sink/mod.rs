//! Files as a sink, in two phases, in whatever format.
//!
//! Answers for names, for folders, for when a file is closed, and for making files visible once their checkpoint is complete.
//! Not for the bytes of a record: that is the format's.
//! Holds: a file with a final name is whole, on the disk, and never changes; exactly once. A file never outlasts a checkpoint: each
//! one closes it, whatever the rolling settings say.

mod buckets;
mod committer;
#[cfg(test)]
mod format_tests;
mod join;
#[cfg(test)]
mod joining_tests;
mod names;
mod settings;
mod success;
#[cfg(test)]
mod tests;
mod writer;

pub use buckets::{BucketContext, Buckets};
pub use committer::{Staged, StagedFile};
pub use join::Joining;
pub use millstream_formats::compression::Compression;
pub use millstream_formats::lines::TextLines;
pub use millstream_formats::rows::{Csv, JsonLines};

use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use millstream_dataflow::sink::{Committer, Sink, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_formats::file::WriteFormat;
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_storage::StorageSettings;

/// When a file is closed and the next begun, besides at each checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rolling {
    /// Once it has so many bytes.
    pub bytes: u64,
    /// Once it is so old.
    pub age: Duration,
    /// Once nothing was written to it for so long.
    pub inactivity: Duration,
}

impl Default for Rolling {
    /// 128 MiB, a minute, a minute.
    fn default() -> Self {
        Self { bytes: 128 << 20, age: Duration::from_secs(60), inactivity: Duration::from_secs(60) }
    }
}

/// Writes records into `part-<subtask>-<counter>` files below a folder, in a format.
///
/// ```
/// use millstream_connectors::files::sink::{Buckets, Compression, FileSink};
///
/// #[derive(Clone, serde::Serialize)]
/// struct Flight { carrier: String, delay: Option<i32> }
///
/// let sink = FileSink::csv("s3://flights/late")
///     .compress(Compression::Gzip)
///     .buckets(Buckets::by(|flight: &Flight, _| format!("carrier={}", flight.carrier)))
///     .success_files();
/// ```
#[derive(Clone, Debug)]
pub struct FileSink<T, F> {
    at: settings::Where,
    format: F,
    compression: Compression,
    rolling: Rolling,
    buckets: Buckets<T>,
    joining: Option<Joining>,
    success: bool,
    record: PhantomData<fn(T)>,
}

/// Writes each record on a line of `part-<subtask>-<counter>.txt` files, as it shows itself.
///
/// ```
/// use millstream_connectors::files::sink::{Buckets, TextFilesSink};
/// let sink = TextFilesSink::<u64>::below("out").buckets(Buckets::hourly());
/// ```
pub type TextFilesSink<T> = FileSink<T, TextLines>;

impl<T> FileSink<T, TextLines> {
    /// Lines of text below a folder, as [`FileSink::of`] takes it.
    pub fn below(folder: impl Into<PathBuf>) -> Self {
        Self::of(folder, TextLines)
    }
}

impl<T> FileSink<T, Csv> {
    /// Rows of CSV under a header with the names of the fields.
    pub fn csv(folder: impl Into<PathBuf>) -> Self {
        Self::of(folder, Csv::default())
    }
}

impl<T> FileSink<T, JsonLines> {
    /// JSON values, one on each line.
    pub fn json_lines(folder: impl Into<PathBuf>) -> Self {
        Self::of(folder, JsonLines)
    }
}

impl<T, F> FileSink<T, F> {
    /// Files below `folder`, which is made if need be: a path, or a location such as `s3://bucket/out` or
    /// `hdfs://name-node:8020/out`. Only one job may write there.
    pub fn of(folder: impl Into<PathBuf>, format: F) -> Self {
        let at = settings::Where { folder: folder.into(), settings: None };
        Self {
            at,
            format,
            compression: Compression::Plain,
            rolling: Rolling::default(),
            buckets: Buckets::None,
            joining: None,
            success: false,
            record: PhantomData,
        }
    }

    /// The settings for opening a location elsewhere; those of the environment if nothing else is said.
    #[must_use]
    pub fn storage(mut self, settings: StorageSettings) -> Self {
        self.at.settings = Some(settings);
        self
    }

    /// How files are compressed; their names tell of it: `part-0-0.csv.gz`. zstd is written at its fastest level.
    #[must_use]
    pub fn compress(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// When files are closed.
    #[must_use]
    pub fn rolling(mut self, rolling: Rolling) -> Self {
        self.rolling = rolling;
        self
    }

    /// The folders that files are put into.
    #[must_use]
    pub fn buckets(mut self, buckets: Buckets<T>) -> Self {
        self.buckets = buckets;
        self
    }

    /// Puts the small files that one checkpoint has in one folder together, before any of them is visible. In S3, files
    /// wait as hidden objects then, up to 8 MiB.
    #[must_use]
    pub fn join_small_files(mut self, joining: Joining) -> Self {
        self.joining = Some(joining);
        self
    }

    /// Writes an empty file `_SUCCESS` into each folder that gets no more files: when the job has come to its end by itself, and,
    /// where folders are chosen by the time, at the first checkpoint behind that time.
    #[must_use]
    pub fn success_files(mut self) -> Self {
        self.success = true;
        self
    }
}

impl<T: Record, F: WriteFormat<T>> FileSink<T, F> {
    fn check(&self) -> Result<()> {
        self.format.check(self.compression)?;
        if let Some(joining) = self.joining {
            joining.check()?;
            if !self.format.can_be_joined() {
                let what =
                    format!("files that end in .{} cannot be put behind each other", self.format.ending());
                return Err(Failure::user(what).advice(
                    "leave join_small_files() out, and give checkpoints a longer interval: each one closes the files",
                ));
            }
        }
        Ok(())
    }
}

impl<T: Record, F: WriteFormat<T>> Sink for FileSink<T, F> {
    type Record = T;
    type Staged = Staged;
    type State = ();

    fn name(&self) -> String {
        self.format.sink_name().into()
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        self.check()?;
        Ok(Box::new(writer::Writer::open(self, context)?))
    }

    fn committer(&self) -> Result<Option<Box<dyn Committer<Staged>>>> {
        Ok(Some(Box::new(committer::Namer::new(self.at.clone(), self.joining, self.success))))
    }
}
