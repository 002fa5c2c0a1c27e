//! The protocols of Flume's sinks and sources, as bytes.
//!
//! Answers for reading and writing messages of Avro RPC and of Thrift, from both sides, and for the form in which events
//! are kept between them. Not for connections.
//! Holds: whatever comes, reading it ends with a value or an error, in memory that the bytes which are there bound.

pub(super) mod avro;
pub(super) mod cursor;
pub(super) mod deflate;
pub(super) mod handshake;
pub(super) mod netty;
pub(super) mod packed;
#[cfg(test)]
mod tests;
pub(super) mod thrift;
pub(super) mod thrift_events;
