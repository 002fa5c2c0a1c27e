//! Kafka for programs in Python: the engine's source and sink, told what a `KafkaSource` or `KafkaSink` was built of.
//!
//! Answers for carrying over what was chosen, and for values as bytes. Not for schemas: those are Python, in operations
//! behind the source and in front of the sink.
//! Holds: promises, transactions and positions are the connector's own.

mod decode;
mod sink;
mod source;

pub(super) use sink::{KafkaOut, SinkTold};
pub(super) use source::{SourceTold, source};

/// Names and values, as Python gives them.
type Named = Vec<(String, String)>;
