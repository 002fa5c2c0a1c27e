//! Columns: Arrow batches out of CSV, JSON lines and Parquet, and back; Parquet into the program's own types.
//!
//! Answers for what a column is, for reading no more of a file than is asked for, and for saying what is wrong with one: which
//! column, of which type, and which was expected. Not for computing on columns.
//! Holds: all batches of a file have one schema; a file of another one is an error, never a guess.

mod batch;
mod csv;
mod json;
pub mod parquet;
mod schema;
mod structs;

pub use arrow_array::{self, RecordBatch};
pub use arrow_schema::{self, DataType, Field, Schema, SchemaRef};
pub use batch::ArrowBatch;
pub use csv::{CsvColumns, CsvColumnsEncoder, PartCsv};
pub use json::{JsonColumns, PartJson};

/// How many rows a batch has when nothing else is asked for.
const ROWS: usize = 8192;
