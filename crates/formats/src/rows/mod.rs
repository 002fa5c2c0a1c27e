//! Rows out of bytes, into the program's own types by serde, and back.
//!
//! Answers for CSV and JSON lines: what a row is, where it stood, and what is wrong with one that is none. Not for
//! finding or opening files.
//! Holds: a row that cannot be read is an error that names line, column and what was expected, or is left out and counted.

mod csv;
mod csv_value;
mod encoder;
mod json;
mod on_bad;
mod part;
#[cfg(test)]
mod tests;

pub use csv::{Csv, CsvRows, Ragged};
pub use csv_value::CsvValues;
pub use encoder::{CsvEncoder, JsonEncoder, JsonLines};
pub use json::row as json_row;
pub use on_bad::{OnBadRow, SkippedRows};
pub use part::{PartRows, RowKind, Rows};
