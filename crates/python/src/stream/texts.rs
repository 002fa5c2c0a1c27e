//! Sinks of the engine's that take text: files, webhooks.
//!
//! Answers for the lines of chunks. All else is the sink's own: names, batches, what it promises, when that is kept.
//! Holds: the interpreter is taken once for a chunk.

use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Committer, Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::{Failure, Result};
use millstream_model::id::CheckpointId;
use millstream_model::time::Timestamp;
use pyo3::prelude::*;

use super::chunk::Chunk;
use super::counts::Passed;

/// A sink of texts that is given chunks of them.
pub(super) struct Texts<S> {
    pub(super) sink: S,
    /// What the program calls it.
    pub(super) name: &'static str,
    pub(super) passed: Arc<Passed>,
}

impl<S: Sink<Record = String>> Sink for Texts<S> {
    type Record = Chunk;
    type Staged = S::Staged;
    type State = S::State;

    fn name(&self) -> String {
        self.name.into()
    }

    fn promise(&self) -> Promise {
        self.sink.promise()
    }

    fn writer(&self, context: WriterContext, restored: Vec<S::State>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer::<S>(self.sink.writer(context, restored)?, self.passed.clone())))
    }

    fn committer(&self) -> Result<Option<Box<dyn Committer<S::Staged>>>> {
        self.sink.committer()
    }
}

struct Writer<S: Sink>(WriterOf<S>, Arc<Passed>);

impl<S: Sink<Record = String>> SinkWriter<Chunk, S::Staged, S::State> for Writer<S> {
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

    fn prepare(&mut self, checkpoint: CheckpointId) -> Result<Vec<S::Staged>> {
        self.0.prepare(checkpoint)
    }

    fn snapshot(&mut self) -> Result<Option<S::State>> {
        self.0.snapshot()
    }

    fn on_end(&mut self) -> Result<()> {
        self.0.on_end()
    }
}
