//! Topics of Kafka for batches in Python: cutting them into ranges of offsets, and reading a range.
//!
//! Answers for offsets and records as Python objects. Not for which batch has which ranges: `millstream.spark.streaming`
//! decides that.
//! Holds: the interpreter is free while a broker is waited for.

use std::sync::{Mutex, PoisonError};

use millstream_connectors::kafka::{
    Kafka, KafkaRanges, KafkaRecord, KafkaSource, OffsetRange, RangeCutter, RangeReader, Records, StartAt,
    TopicPartition,
};
use millstream_model::error::Failure;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use super::raised;

/// Topic, partition, first offset, the offset behind the last.
type Range = (String, i32, i64, i64);

fn to_range((topic, partition, from, until): Range) -> OffsetRange {
    OffsetRange::new(topic, partition, from, until)
}

fn from_range(range: OffsetRange) -> Range {
    (range.topic, range.partition, range.from, range.until)
}

/// Topics that are read in ranges of offsets; in driver and workers alike.
#[pyclass(name = "KafkaRanges", module = "millstream._native", frozen)]
pub(crate) struct PyKafkaRanges(KafkaRanges<Records>);

#[pymethods]
impl PyKafkaRanges {
    /// Of some topics, which begin at `start` (`earliest`, `latest`, `committed or earliest`, `committed or latest`) or at
    /// offsets; with settings, and properties of librdkafka's.
    #[new]
    fn new(
        servers: String,
        settings: Vec<(String, String)>,
        properties: Vec<(String, String)>,
        topics: Vec<String>,
        start: &str,
        offsets: Vec<(String, i32, i64)>,
    ) -> PyResult<Self> {
        let mut source: KafkaSource<Records> = Kafka::read(servers).records();
        for (name, value) in &settings {
            source = source.set(name, value);
        }
        for (name, value) in &properties {
            source = source.property(name, value);
        }
        if !topics.is_empty() {
            source = source.topics(topics);
        } else if !offsets.is_empty() {
            let named = offsets.iter().map(|(topic, number, _)| TopicPartition::new(topic.clone(), *number));
            source = source.partitions(named.collect::<Vec<_>>());
        }
        let start = match start {
            "earliest" => StartAt::Earliest,
            "latest" => StartAt::Latest,
            "committed or earliest" => StartAt::Committed,
            "committed or latest" => StartAt::CommittedOrLatest,
            "offsets" => {
                let placed = offsets.into_iter();
                let placed =
                    placed.map(|(topic, number, offset)| (TopicPartition::new(topic, number), offset));
                StartAt::Offsets(placed.collect())
            }
            other => return Err(PyValueError::new_err(format!("no place to start at: {other}"))),
        };
        Ok(Self(source.start_at(start).in_ranges()))
    }

    /// Refuses ranges that the topics do not have.
    fn check(&self, py: Python<'_>, ranges: Vec<Range>) -> PyResult<()> {
        let ranges: Vec<_> = ranges.into_iter().map(to_range).collect();
        py.detach(|| self.0.check(&ranges)).map_err(raised)
    }

    /// Begins to read a range: of each record its key and value, or all that there is of it.
    fn read(&self, py: Python<'_>, range: Range, whole: bool) -> PyResult<PyRangeReader> {
        let reader = py.detach(|| self.0.read(&to_range(range))).map_err(raised)?;
        Ok(PyRangeReader { reader: Mutex::new(reader), whole })
    }

    /// What cuts the topics into ranges.
    fn cutter(&self, py: Python<'_>) -> PyResult<PyRangeCutter> {
        py.detach(|| self.0.cutter()).map(|cutter| PyRangeCutter(Mutex::new(cutter))).map_err(raised)
    }
}

/// The records of a range.
#[pyclass(name = "KafkaRangeReader", module = "millstream._native", frozen)]
pub(crate) struct PyRangeReader {
    reader: Mutex<RangeReader<Records>>,
    whole: bool,
}

#[pymethods]
impl PyRangeReader {
    /// The next records; an empty list if none came for a moment, `None` behind the last.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let next = py.detach(|| self.reader.lock().unwrap_or_else(PoisonError::into_inner).read_more());
        let Some(mut batch) = next.map_err(raised)? else { return Ok(None) };
        let records = batch.take_records().into_iter().map(|record| self.object(py, record));
        PyList::new(py, records.collect::<PyResult<Vec<_>>>()?).map(Some)
    }
}

impl PyRangeReader {
    fn object<'py>(&self, py: Python<'py>, record: KafkaRecord) -> PyResult<Bound<'py, PyTuple>> {
        let bytes = |bytes: Option<Vec<u8>>| bytes.map(|bytes| PyBytes::new(py, &bytes));
        let (key, value) = (bytes(record.key), bytes(record.value));
        if self.whole {
            return (record.topic, record.partition, record.offset, key, value).into_pyobject(py);
        }
        (key, value).into_pyobject(py)
    }
}

/// Knows how far each partition was cut.
#[pyclass(name = "KafkaRangeCutter", module = "millstream._native", frozen)]
pub(crate) struct PyRangeCutter(Mutex<RangeCutter>);

impl PyRangeCutter {
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&mut RangeCutter) -> Result<R, Failure> + Send,
    ) -> PyResult<R> {
        py.detach(|| ask(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))).map_err(raised)
    }
}

#[pymethods]
impl PyRangeCutter {
    /// Begins to look for partitions.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, RangeCutter::start)
    }

    /// Goes on where an earlier process stood.
    fn resume(&self, py: Python<'_>, standing: Vec<Range>) -> PyResult<()> {
        self.with(py, |cutter| {
            cutter.resume(standing.into_iter().map(to_range));
            Ok(())
        })
    }

    /// What has come since the last cut, of each partition at most so many offsets.
    #[pyo3(signature = (most=None))]
    fn cut(&self, py: Python<'_>, most: Option<u64>) -> PyResult<Vec<Range>> {
        let ranges = self.with(py, |cutter| cutter.cut(most))?;
        Ok(ranges.into_iter().map(from_range).collect())
    }

    /// Where each partition stands.
    fn standing(&self, py: Python<'_>) -> PyResult<Vec<Range>> {
        let standing = self.with(py, |cutter| Ok(cutter.standing()))?;
        Ok(standing.into_iter().map(from_range).collect())
    }

    /// Tells the group that these ranges are done with.
    fn commit(&self, py: Python<'_>, ranges: Vec<Range>) -> PyResult<()> {
        let ranges: Vec<_> = ranges.into_iter().map(to_range).collect();
        self.with(py, |cutter| cutter.commit(&ranges))
    }
}
