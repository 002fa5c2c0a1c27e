//! Parquet files: row groups are read one by one, of their columns those that are asked for, and those groups not at all
//! whose statistics tell that no row of them is wanted.
//!
//! Answers for batches and for the program's own types, both ways. A row group belongs to the part of the file in which its
//! first byte lies.

mod chunks;
mod condition;
mod read;
mod rows;
mod write;

pub use condition::{Compare, Condition};
pub use parquet::basic::Compression as ColumnCompression;
pub use read::{PartParquet, ReadParquet};
pub use rows::{PartParquetRows, ReadParquetRows};
pub use write::{ParquetEncoder, ParquetRowsEncoder, WriteParquet, WriteParquetRows};
