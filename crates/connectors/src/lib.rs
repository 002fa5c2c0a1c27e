//! Sources and sinks: collections, sequences, generators, files, TCP, Flume, Kafka, print.
//!
//! Answers for what is outside of a job, through the contracts of `millstream_dataflow`. Not for running anything.

pub mod collect;
pub mod collection;
pub mod discard;
pub mod files;
pub mod flume;
pub mod generator;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod print;
pub mod ranges;
pub mod sequence;
pub mod tcp;

pub use millstream_formats::lines;
