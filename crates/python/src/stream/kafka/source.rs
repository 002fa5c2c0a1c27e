//! A `KafkaSource` of Python's as one of the engine's.

use std::sync::Arc;
use std::time::Duration;

use millstream_connectors::kafka::{Decode, Kafka, KafkaSource, StartAt, StopAt, TopicPartition};
use millstream_dataflow::source::{AnySource, SourceAdapter};
use millstream_model::time::Timestamp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::super::chunked::{Chunked, Encoded};
use super::super::counts::Passed;
use super::Named;
use super::decode::{LossyTexts, Raw};

/// What a `KafkaSource` was built of.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(in crate::stream) struct SourceTold {
    servers: String,
    settings: Named,
    properties: Named,
    /// One of the three.
    topics: Option<Vec<String>>,
    partitions: Option<Vec<(String, i32)>>,
    matches: Option<Py<PyAny>>,
    start: Place,
    stop: Option<Place>,
    is_bounded: bool,
    is_text: bool,
    /// Milliseconds: how late a record may be, and after how long without one a partition is not waited for.
    out_of_orderness: Option<u64>,
    idle_after: Option<u64>,
}

/// A place by name; with the milliseconds of a time, or offsets.
type Place = (String, i64, Vec<(String, i32, i64)>);

/// The source as a node of the graph has it.
pub(in crate::stream) fn source(
    name: String,
    told: SourceTold,
    passed: Arc<Passed>,
) -> PyResult<Arc<dyn AnySource>> {
    let source = told.source()?;
    if told.is_text {
        return Ok(chunked(source.decode_by(LossyTexts), name, told.is_bounded, passed));
    }
    Ok(chunked(source.decode_by(Raw), name, told.is_bounded, passed))
}

fn chunked<D>(
    source: KafkaSource<D>,
    name: String,
    is_bounded: bool,
    passed: Arc<Passed>,
) -> Arc<dyn AnySource>
where
    D: Decode,
    D::Record: Encoded,
{
    Arc::new(SourceAdapter(Arc::new(Chunked { source, name, is_bounded, passed })))
}

impl SourceTold {
    fn source(&self) -> PyResult<KafkaSource<millstream_connectors::kafka::Texts>> {
        let mut source = Kafka::read(self.servers.clone()).start_at(start(&self.start)?);
        for (name, value) in &self.settings {
            source = source.set(name, value);
        }
        for (name, value) in &self.properties {
            source = source.property(name, value);
        }
        if let Some(place) = &self.stop {
            source = source.stop_at(stop(place)?);
        }
        if let Some(topics) = &self.topics {
            source = source.topics(topics.clone());
        } else if let Some(partitions) = &self.partitions {
            let named = partitions.iter().map(|(topic, number)| TopicPartition::new(topic.clone(), *number));
            source = source.partitions(named);
        } else if let Some(matches) = &self.matches {
            let matches = Python::attach(|py| matches.clone_ref(py));
            source = source.topics_where(move |name| {
                Python::attach(|py| matches.bind(py).call1((name,)).and_then(|found| found.is_truthy()))
                    .unwrap_or(false)
            });
        }
        if let Some(late) = self.out_of_orderness {
            source = source.watermarks(Duration::from_millis(late));
            if let Some(idle) = self.idle_after {
                source = source.idle_after(Duration::from_millis(idle));
            }
        }
        Ok(source)
    }
}

fn offsets(list: &[(String, i32, i64)]) -> Vec<(TopicPartition, i64)> {
    list.iter()
        .map(|(topic, number, offset)| (TopicPartition::new(topic.clone(), *number), *offset))
        .collect()
}

fn start((kind, millis, list): &Place) -> PyResult<StartAt> {
    Ok(match kind.as_str() {
        "earliest" => StartAt::Earliest,
        "latest" => StartAt::Latest,
        "time" => StartAt::Time(Timestamp::from_millis(*millis)),
        "offsets" => StartAt::Offsets(offsets(list)),
        "committed or earliest" => StartAt::Committed,
        "committed or latest" => StartAt::CommittedOrLatest,
        "committed" => StartAt::CommittedOrFail,
        other => return Err(PyValueError::new_err(format!("no place to start at: {other}"))),
    })
}

fn stop((kind, millis, list): &Place) -> PyResult<StopAt> {
    Ok(match kind.as_str() {
        "latest" => StopAt::Latest,
        "time" => StopAt::Time(Timestamp::from_millis(*millis)),
        "offsets" => StopAt::Offsets(offsets(list)),
        other => return Err(PyValueError::new_err(format!("no place to stop at: {other}"))),
    })
}
