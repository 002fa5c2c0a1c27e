//! Sources and sinks: collections, sequences, generators, files, TCP, webhooks, standard input and
//! output, Flume, Kafka, print.
//!
//! Answers for what is outside of a job, through the contracts of `millstream_dataflow`. Not for running anything.

mod chosen;
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
#[cfg(test)]
mod reference;
pub mod sequence;
pub mod standard_io;
pub mod tcp;
mod tls;
pub mod webhook;

pub use millstream_formats::lines;
