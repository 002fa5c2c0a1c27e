//! Bytes to records and back: lines, charsets, compression.
