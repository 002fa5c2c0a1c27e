//! Arrow batches, and Parquet, as formats of a source and of a sink.
//!
//! ```no_run
//! use millstream_connectors::files::columns::{ArrowBatch, Compare, Condition, ParquetFiles, ParquetRowFiles, WriteParquet};
//! use millstream_connectors::files::sink::FileSink;
//!
//! #[derive(Clone, serde::Serialize, serde::Deserialize)]
//! struct Flight { carrier: String, delay: Option<i32> }
//!
//! let late = ParquetRowFiles::<Flight>::parquet("s3://flights/2013").only(Condition::of("delay", Compare::Greater, 60));
//! let batches = ParquetFiles::batches("flights.parquet").columns(["carrier", "delay"]);
//! let sink = FileSink::<ArrowBatch, _>::of("hdfs://name-node:8020/out", WriteParquet::default());
//! ```

pub use millstream_formats::columns::parquet::{
    ColumnCompression, Compare, Condition, ReadParquet, ReadParquetRows, WriteParquet, WriteParquetRows,
};
pub use millstream_formats::columns::{
    ArrowBatch, CsvColumns, DataType, Field, JsonColumns, RecordBatch, Schema, SchemaRef, arrow_array,
    arrow_schema,
};

use serde::de::DeserializeOwned;

use super::{Csv, FileSource};

/// Parquet files as batches of columns.
pub type ParquetFiles = FileSource<ReadParquet>;

/// Parquet files as rows, each as a `T`; only the columns that `T` has are read.
pub type ParquetRowFiles<T> = FileSource<ReadParquetRows<T>>;

/// CSV files as batches of columns.
pub type CsvColumnFiles = FileSource<CsvColumns>;

/// Files with a JSON object on each line as batches of columns.
pub type JsonColumnFiles = FileSource<JsonColumns>;

impl FileSource<ReadParquet> {
    /// All columns of all rows.
    pub fn batches(path: impl Into<String>) -> Self {
        Self::of(path, ReadParquet::default())
    }

    /// Only these columns, which each file must have.
    #[must_use]
    pub fn columns<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.format.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Only rows that have this, besides what was asked for before. Row groups whose statistics tell that they have none are not
    /// read.
    #[must_use]
    pub fn only(mut self, condition: Condition) -> Self {
        self.format.conditions.push(condition);
        self
    }

    /// Refuses a file that has not these columns with these types.
    #[must_use]
    pub fn expect_schema(mut self, schema: SchemaRef) -> Self {
        self.format.schema = Some(schema);
        self
    }

    /// How many row groups were not read so far, for what their statistics tell.
    pub fn skipped_groups(&self) -> u64 {
        self.format.skipped.count()
    }
}

impl<T: DeserializeOwned> FileSource<ReadParquetRows<T>> {
    /// The rows, of which only the fields of `T` are read.
    pub fn parquet(path: impl Into<String>) -> Self {
        Self::of(path, ReadParquetRows::default())
    }

    /// Only rows that have this, besides what was asked for before. Row groups whose statistics tell that they have none are not
    /// read.
    #[must_use]
    pub fn only(mut self, condition: Condition) -> Self {
        self.format.parquet.conditions.push(condition);
        self
    }

    /// How many row groups were not read so far, for what their statistics tell.
    pub fn skipped_groups(&self) -> u64 {
        self.format.parquet.skipped.count()
    }
}

impl FileSource<CsvColumns> {
    /// CSV with these columns, in the order of the files; without a schema it is found out for each file from its first rows.
    pub fn columns(path: impl Into<String>, csv: Csv, schema: Option<SchemaRef>) -> Self {
        Self::of(path, CsvColumns { csv, schema })
    }
}

impl FileSource<JsonColumns> {
    /// Lines of JSON with these columns.
    pub fn columns(path: impl Into<String>, schema: SchemaRef) -> Self {
        Self::of(path, JsonColumns { schema })
    }
}

#[cfg(test)]
mod tests;
