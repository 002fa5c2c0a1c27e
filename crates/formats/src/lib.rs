//! Bytes to records and back: lines, compression.
//!
//! Answers for what the bytes of a file or a socket mean. Not for where they come from: that is the connectors'.

pub mod compression;
pub mod lines;
