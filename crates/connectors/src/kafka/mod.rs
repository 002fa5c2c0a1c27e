//! Apache Kafka as a source and as a sink.
//!
//! Answers for finding partitions, for reading and writing them, for where to begin and to end, and for what becomes of
//! records that cannot be decoded. Not for the protocol: that is librdkafka's (`native`), but for the few requests that
//! end a transaction of a process that is gone (`sink::wire`).
//! Holds: exactly once as a source, since the offsets are in the checkpoint; what a sink promises is the user's choice.

mod native;
pub mod ranges;
pub mod settings;
pub mod sink;
pub mod source;

use std::fmt::Display;

#[cfg(feature = "avro")]
pub use millstream_formats::avro::{AvroEncode, AvroValues};
pub use millstream_formats::rows::Csv;
pub use native::{Headers, Message};
pub use ranges::{KafkaRanges, OffsetRange, RangeCutter, RangeReader};
pub use sink::{Delivery, KafkaSink, StagedTransaction, ToKafka};
#[cfg(feature = "avro")]
pub use source::decode::Avro;
pub use source::decode::{Bytes, CsvRow, Decode, FromFn, Json, OnPoison, OrRejected, Records, Texts, Timed};
pub use source::record::KafkaRecord;
pub use source::split::KafkaSplit;
pub use source::topics::{StartAt, StopAt, TopicPartition};
pub use source::{KafkaSource, Lag, SkippedRecords};

/// Where reading from and writing to Kafka begin.
///
/// ```
/// use millstream_connectors::kafka::{Kafka, StartAt};
///
/// let lines = Kafka::read("localhost:9092").topics(["clicks"]).start_at(StartAt::Earliest);
/// let sink = Kafka::write::<String>("localhost:9092").topic("counts");
/// ```
pub struct Kafka;

impl Kafka {
    /// Each record of some topics as text; see [`KafkaSource`]. `servers` are `host:port`, separated by commas: one that
    /// is up is enough.
    pub fn read(servers: impl Into<String>) -> KafkaSource<Texts> {
        KafkaSource::new(servers.into())
    }

    /// Records to a topic, as text; see [`KafkaSink`].
    pub fn write<T: Display + 'static>(servers: impl Into<String>) -> KafkaSink<T> {
        KafkaSink::new(servers.into())
    }

    /// Records to a topic, of a type that is no text: say how they are encoded.
    pub fn write_encoded<T: 'static>(servers: impl Into<String>) -> KafkaSink<T> {
        KafkaSink::bare(servers.into())
    }
}
