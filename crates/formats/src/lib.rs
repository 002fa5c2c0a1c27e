//! Bytes to records and back: lines, rows, compression.
//!
//! Answers for what the bytes of a file or a socket mean. Not for where they come from: that is the connectors'.

#[cfg(feature = "avro")]
pub mod avro;
#[cfg(feature = "arrow")]
pub mod columns;
pub mod compression;
pub mod file;
pub mod lines;
pub mod rows;
