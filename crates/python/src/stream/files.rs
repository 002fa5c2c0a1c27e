//! `FileSource` and `FileSink`: files of text, read and written by the engine.
//!
//! Answers for lines in chunks. All else is `TextFiles`' and `TextFilesSink`'s: finding files, names, rolling, and files
//! becoming visible once their checkpoint is complete.
//! Holds: exactly once.

use std::sync::Arc;
use std::time::Duration;

use millstream_connectors::files::TextFiles;
use millstream_connectors::files::sink::{Buckets, Rolling, Staged, TextFilesSink};
use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Committer, Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::{AnySource, Promise, SourceAdapter};
use millstream_model::error::{Failure, Result};
use millstream_model::id::CheckpointId;
use millstream_model::time::Timestamp;
use pyo3::prelude::*;

use super::chunk::Chunk;
use super::chunked::Chunked;
use super::counts::Passed;

/// The lines of the files at a path; with an interval, those that appear later too.
pub(super) fn source(
    name: String,
    path: String,
    watch: Option<Duration>,
    passed: Arc<Passed>,
) -> Arc<dyn AnySource> {
    let source = TextFiles::read(path);
    let source = match watch {
        Some(interval) => source.watch(interval),
        None => source,
    };
    Arc::new(SourceAdapter(Arc::new(Chunked { source, name, is_bounded: watch.is_none(), passed })))
}

pub(super) struct Files {
    sink: TextFilesSink<String>,
    passed: Arc<Passed>,
}

impl Files {
    /// Below a folder; `pattern` is that of the folders within, by time. Sizes are bytes, times milliseconds.
    pub(super) fn below(
        folder: String,
        pattern: Option<String>,
        rolling: (u64, u64, u64),
        passed: Arc<Passed>,
    ) -> Self {
        let (bytes, age, inactivity) = rolling;
        let millis = Duration::from_millis;
        let rolling = Rolling { bytes, age: millis(age), inactivity: millis(inactivity) };
        let sink = TextFilesSink::below(folder).rolling(rolling);
        Self { sink: sink.buckets(pattern.map_or(Buckets::None, Buckets::time)), passed }
    }
}

impl Sink for Files {
    type Record = Chunk;
    type Staged = Staged;
    type State = ();

    fn name(&self) -> String {
        "FileSink".into()
    }

    fn promise(&self) -> Promise {
        self.sink.promise()
    }

    fn writer(&self, context: WriterContext, restored: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer(self.sink.writer(context, restored)?, self.passed.clone())))
    }

    fn committer(&self) -> Result<Option<Box<dyn Committer<Staged>>>> {
        self.sink.committer()
    }
}

struct Writer(WriterOf<TextFilesSink<String>>, Arc<Passed>);

impl SinkWriter<Chunk, Staged, ()> for Writer {
    fn write(&mut self, batch: &mut Batch<Chunk>) -> Result<()> {
        for chunk in batch.take_records() {
            self.1.came(chunk.rows());
            let lines: PyResult<Vec<String>> =
                Python::attach(|py| chunk.records().list(py)?.iter().map(|line| line.extract()).collect());
            let lines = lines.map_err(|error| Failure::internal("a line is no text").because(error))?;
            self.0.write(&mut Batch::from(lines))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }

    fn on_time(&mut self, now: Timestamp) -> Result<()> {
        self.0.on_time(now)
    }

    fn prepare(&mut self, checkpoint: CheckpointId) -> Result<Vec<Staged>> {
        self.0.prepare(checkpoint)
    }

    fn snapshot(&mut self) -> Result<Option<()>> {
        self.0.snapshot()
    }

    fn on_end(&mut self) -> Result<()> {
        self.0.on_end()
    }
}
