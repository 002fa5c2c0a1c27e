//! A `KafkaSink` of Python's as one of the engine's.
//!
//! Answers for taking topic, key and value out of chunks: a record is the value's bytes, or a tuple of the three, each of
//! which may be `None`. All else is the connector's.
//! Holds: what the connector promises.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use millstream_connectors::kafka::sink::WriterState;
use millstream_connectors::kafka::{Kafka, KafkaSink, StagedTransaction};
use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Committer, Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::{Failure, Result};
use millstream_model::id::CheckpointId;
use millstream_model::time::Timestamp;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use super::super::chunk::Chunk;
use super::super::counts::Passed;
use super::Named;

/// What a `KafkaSink` was built of.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(in crate::stream) struct SinkTold {
    servers: String,
    settings: Named,
    properties: Named,
    topic: Option<String>,
    /// With it, exactly once.
    prefix: Option<String>,
}

/// The sink.
pub(in crate::stream) struct KafkaOut {
    sink: KafkaSink<Encoded>,
    passed: Arc<Passed>,
}

/// A record whose parts lie in the bytes of its chunk.
#[derive(Clone, Debug)]
struct Encoded {
    bytes: Arc<Vec<u8>>,
    topic: Option<Arc<str>>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
}

impl KafkaOut {
    pub(in crate::stream) fn new(told: SinkTold, passed: Arc<Passed>) -> Self {
        let mut sink = Kafka::write_encoded::<Encoded>(told.servers).encode_with(|record, out| {
            let part = |at: &Range<usize>| record.bytes.get(at.clone()).unwrap_or_default();
            if let Some(topic) = &record.topic {
                out.set_topic(&**topic);
            }
            if let Some(key) = &record.key {
                out.key().extend_from_slice(part(key));
            }
            match &record.value {
                Some(value) => out.value().extend_from_slice(part(value)),
                None => out.delete(),
            }
            Ok(())
        });
        for (name, value) in &told.settings {
            sink = sink.set(name, value);
        }
        for (name, value) in &told.properties {
            sink = sink.property(name, value);
        }
        if let Some(topic) = told.topic {
            sink = sink.topic(topic);
        }
        if let Some(prefix) = told.prefix {
            sink = sink.exactly_once(prefix);
        }
        Self { sink, passed }
    }
}

impl Sink for KafkaOut {
    type Record = Chunk;
    type Staged = StagedTransaction;
    type State = WriterState;

    fn name(&self) -> String {
        self.sink.name()
    }

    fn promise(&self) -> Promise {
        self.sink.promise()
    }

    fn check_checkpoints(&self, timeout: Duration) -> Result<()> {
        self.sink.check_checkpoints(timeout)
    }

    fn writer(&self, context: WriterContext, restored: Vec<WriterState>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer { writer: self.sink.writer(context, restored)?, passed: self.passed.clone() }))
    }

    fn committer(&self) -> Result<Option<Box<dyn Committer<StagedTransaction>>>> {
        self.sink.committer()
    }
}

struct Writer {
    writer: WriterOf<KafkaSink<Encoded>>,
    passed: Arc<Passed>,
}

/// The parts of a record in bytes that are being gathered.
type Parts = (Option<Arc<str>>, Option<Range<usize>>, Option<Range<usize>>);

fn put(part: &Bound<'_, PyAny>, bytes: &mut Vec<u8>) -> PyResult<Option<Range<usize>>> {
    if part.is_none() {
        return Ok(None);
    }
    let start = bytes.len();
    bytes.extend_from_slice(part.cast::<PyBytes>()?.as_bytes());
    Ok(Some(start..bytes.len()))
}

fn parts(record: &Bound<'_, PyAny>, bytes: &mut Vec<u8>, last: &mut Option<Arc<str>>) -> PyResult<Parts> {
    let Ok(record) = record.cast::<PyTuple>() else { return Ok((None, None, put(record, bytes)?)) };
    let topic = record.get_item(0)?;
    let topic = if topic.is_none() {
        None
    } else {
        let name = topic.cast::<PyString>()?.to_cow()?;
        // Most records go where the one before went.
        if last.as_deref() != Some(&*name) {
            *last = Some(name.into());
        }
        last.clone()
    };
    Ok((topic, put(&record.get_item(1)?, bytes)?, put(&record.get_item(2)?, bytes)?))
}

/// The records of a chunk.
fn encoded(chunk: &Chunk) -> PyResult<Vec<Encoded>> {
    let (mut bytes, mut last) = (Vec::new(), None);
    let all = Python::attach(|py| {
        let list = chunk.records().list(py)?;
        list.iter().map(|record| parts(&record, &mut bytes, &mut last)).collect::<PyResult<Vec<_>>>()
    })?;
    let bytes = Arc::new(bytes);
    let record = |(topic, key, value)| Encoded { bytes: bytes.clone(), topic, key, value };
    Ok(all.into_iter().map(record).collect())
}

impl SinkWriter<Chunk, StagedTransaction, WriterState> for Writer {
    fn write(&mut self, batch: &mut Batch<Chunk>) -> Result<()> {
        for chunk in batch.take_records() {
            self.passed.came(chunk.rows());
            let records = encoded(&chunk)
                .map_err(|error| Failure::internal("a record for Kafka is no bytes").because(error))?;
            self.writer.write(&mut Batch::from(records))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn on_time(&mut self, now: Timestamp) -> Result<()> {
        self.writer.on_time(now)
    }

    fn prepare(&mut self, checkpoint: CheckpointId) -> Result<Vec<StagedTransaction>> {
        self.writer.prepare(checkpoint)
    }

    fn snapshot(&mut self) -> Result<Option<WriterState>> {
        self.writer.snapshot()
    }

    fn on_end(&mut self) -> Result<()> {
        self.writer.on_end()
    }
}
