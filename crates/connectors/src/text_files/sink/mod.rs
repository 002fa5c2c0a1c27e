//! Text files as a sink, in two phases.
//!
//! Answers for names, for when a file is closed, and for making files visible once their checkpoint is complete. Not
//! for formats: each record is a line.
//! Holds: a file with a final name is whole, on the disk, and never changes; exactly once. A file never outlasts a checkpoint: each
//! one closes it, whatever the rolling settings say.

mod buckets;
mod committer;
mod names;
mod settings;
#[cfg(test)]
mod tests;
mod writer;

pub use buckets::{BucketContext, Buckets};
pub use committer::StagedFile;

use std::fmt::Display;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use millstream_dataflow::sink::{Committer, Sink, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::Result;
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

/// Writes each record on a line of `part-<subtask>-<counter>.txt` files below a folder.
///
/// ```
/// use millstream_connectors::text_files::sink::{Buckets, TextFilesSink};
/// let sink = TextFilesSink::<u64>::below("out").buckets(Buckets::hourly());
/// ```
#[derive(Clone, Debug)]
pub struct TextFilesSink<T> {
    at: settings::Where,
    rolling: Rolling,
    buckets: Buckets<T>,
    record: PhantomData<fn(T)>,
}

impl<T> TextFilesSink<T> {
    /// Files below `folder`, which is made if need be: a path, or a location such as `s3://bucket/out` or
    /// `hdfs://name-node:8020/out`. Only one job may write there.
    pub fn below(folder: impl Into<PathBuf>) -> Self {
        let (rolling, buckets) = (Rolling::default(), Buckets::None);
        let at = settings::Where { folder: folder.into(), settings: None };
        Self { at, rolling, buckets, record: PhantomData }
    }

    /// The settings for opening a location elsewhere; those of the environment if nothing else is said.
    #[must_use]
    pub fn storage(mut self, settings: StorageSettings) -> Self {
        self.at.settings = Some(settings);
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
}

impl<T: Record + Display> Sink for TextFilesSink<T> {
    type Record = T;
    type Staged = StagedFile;
    type State = ();

    fn name(&self) -> String {
        "TextFilesSink".into()
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        let buckets = buckets::Chooser::of(&self.buckets)?;
        Ok(Box::new(writer::Writer::open(self.at.open()?, self.rolling, buckets, context)?))
    }

    fn committer(&self) -> Result<Option<Box<dyn Committer<StagedFile>>>> {
        Ok(Some(Box::new(committer::Namer(self.at.clone()))))
    }
}
