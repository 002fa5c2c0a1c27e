//! Files as a source and as a sink, on this machine, in S3 and in HDFS.
//!
//! Answers for finding files, for cutting them into splits, for files that come later, and, in `sink`, for names, buckets
//! and files becoming visible in one step. Not for what is in a file: that is a format's (`millstream_formats::file`), which
//! source and sink are given.
//! Holds: exactly once, as long as files do not change once they are found.

mod ahead;
#[cfg(feature = "avro")]
pub mod avro;
#[cfg(feature = "arrow")]
pub mod columns;
mod enumerator;
mod find;
mod input;
mod places;
mod reader;
pub mod sink;
mod source;
mod split;

#[cfg(test)]
mod row_tests;
#[cfg(test)]
mod tests;

pub use find::{bytes, found, sized};
pub use millstream_formats::file::PartReader;
pub use millstream_formats::lines::{Delimiter, LineSettings, OnBadText, PartLines, SkippedLines};
pub use millstream_formats::rows::{Csv, OnBadRow, Ragged, SkippedRows};
pub use source::{FileSource, RowFiles, TextFiles};
pub use split::{FileSplit, lines, splits};
