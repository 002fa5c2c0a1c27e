//! Writing Parquet files.
//!
//! Holds: a file is closed with its footer, or is none; all batches of one file have one schema.

use std::marker::PhantomData;

use super::super::ArrowBatch;
use arrow_schema::{FieldRef, SchemaRef};
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression as ColumnCompression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::csv::another_schema;
use super::super::structs::{batch, fields, no_columns, schema_of};
use super::super::{ROWS, schema::shown};
use crate::compression::Compression;
use crate::file::{FileEncoder, Outlet, WriteFormat};

/// Batches as Parquet files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteParquet {
    /// How many rows a row group has at most; 131,072 if nothing else is said. It is in memory until it is full.
    pub group_rows: usize,
    /// How columns are compressed; with snappy if nothing else is said.
    pub compression: ColumnCompression,
}

impl Default for WriteParquet {
    fn default() -> Self {
        Self { group_rows: 128 << 10, compression: ColumnCompression::SNAPPY }
    }
}

impl WriteParquet {
    fn checked(self, whole: Compression) -> Result<()> {
        if whole != Compression::Plain {
            return Err(Failure::user("a Parquet file is not compressed as a whole, but column by column")
                .advice("leave compress() out, and give WriteParquet { compression, .. }"));
        }
        if self.group_rows == 0 {
            return Err(Failure::user("a row group of a Parquet file cannot have 0 rows")
                .advice("give group_rows a number such as 131072"));
        }
        Ok(())
    }

    fn writer(self, schema: SchemaRef, into: Outlet) -> Result<ArrowWriter<Outlet>> {
        let properties = WriterProperties::builder()
            .set_compression(self.compression)
            .set_max_row_group_row_count(Some(self.group_rows))
            .build();
        ArrowWriter::try_new(into, schema.clone(), Some(properties))
            .map_err(|error| unwritable(&schema, error))
    }
}

fn unwritable(schema: &SchemaRef, error: ParquetError) -> Failure {
    Failure::user("a batch cannot be written as Parquet")
        .because(error)
        .advice(format!("its columns are: {}", shown(schema)))
}

impl WriteFormat<ArrowBatch> for WriteParquet {
    type Encoder = ParquetEncoder;

    fn sink_name(&self) -> &'static str {
        "ParquetFilesSink"
    }

    fn ending(&self) -> &'static str {
        "parquet"
    }

    fn check(&self, compression: Compression) -> Result<()> {
        self.checked(compression)
    }

    fn can_be_joined(&self) -> bool {
        false
    }

    fn begin(&self) -> Result<ParquetEncoder> {
        Ok(ParquetEncoder { format: *self, written: Outlet::default(), writer: None })
    }
}

/// Writes batches into one file.
pub struct ParquetEncoder {
    format: WriteParquet,
    written: Outlet,
    writer: Option<(SchemaRef, ArrowWriter<Outlet>)>,
}

impl FileEncoder<ArrowBatch> for ParquetEncoder {
    fn add(&mut self, ArrowBatch(batch): ArrowBatch, out: &mut Vec<u8>) -> Result<()> {
        let (schema, writer) = match &mut self.writer {
            Some(open) => open,
            None => {
                let writer = self.format.writer(batch.schema(), self.written.clone())?;
                self.writer.insert((batch.schema(), writer))
            }
        };
        if **schema != *batch.schema() {
            return Err(another_schema(schema, &batch));
        }
        writer.write(&batch).map_err(|error| unwritable(schema, error))?;
        self.written.take(out);
        Ok(())
    }

    fn held(&self) -> u64 {
        self.writer.as_ref().map_or(0, |(_, writer)| writer.in_progress_size() as u64)
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if let Some((schema, writer)) = self.writer.take() {
            writer.close().map_err(|error| unwritable(&schema, error))?;
        }
        self.written.take(out);
        Ok(())
    }
}

/// The program's own types as Parquet files.
#[derive(Debug)]
pub struct WriteParquetRows<T> {
    /// How the files are written.
    pub parquet: WriteParquet,
    row: PhantomData<fn(T)>,
}

impl<T> WriteParquetRows<T> {
    /// Rows in such files.
    pub fn of(parquet: WriteParquet) -> Self {
        Self { parquet, row: PhantomData }
    }
}

impl<T> Clone for WriteParquetRows<T> {
    fn clone(&self) -> Self {
        Self::of(self.parquet)
    }
}

impl<T: Record + Serialize + DeserializeOwned> WriteFormat<T> for WriteParquetRows<T> {
    type Encoder = ParquetRowsEncoder<T>;

    fn sink_name(&self) -> &'static str {
        "ParquetFilesSink"
    }

    fn ending(&self) -> &'static str {
        "parquet"
    }

    fn check(&self, compression: Compression) -> Result<()> {
        fields::<T>().ok_or_else(no_columns::<T>)?;
        self.parquet.checked(compression)
    }

    fn can_be_joined(&self) -> bool {
        false
    }

    fn begin(&self) -> Result<ParquetRowsEncoder<T>> {
        let fields = fields::<T>().ok_or_else(no_columns::<T>)?;
        let written = Outlet::default();
        let writer = Some(self.parquet.writer(schema_of(&fields), written.clone())?);
        Ok(ParquetRowsEncoder { fields, rows: Vec::new(), written, writer })
    }
}

/// Writes rows into one file.
pub struct ParquetRowsEncoder<T> {
    fields: Vec<FieldRef>,
    /// What waits to become a batch.
    rows: Vec<T>,
    written: Outlet,
    writer: Option<ArrowWriter<Outlet>>,
}

impl<T: Serialize> ParquetRowsEncoder<T> {
    fn hand_on(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if let (Some(writer), false) = (&mut self.writer, self.rows.is_empty()) {
            let batch = batch(&self.fields, &self.rows)?;
            writer.write(&batch).map_err(|error| unwritable(&batch.schema(), error))?;
            self.rows.clear();
            self.written.take(out);
        }
        Ok(())
    }
}

impl<T: Serialize> FileEncoder<T> for ParquetRowsEncoder<T> {
    fn add(&mut self, record: T, out: &mut Vec<u8>) -> Result<()> {
        self.rows.push(record);
        if self.rows.len() >= ROWS { self.hand_on(out) } else { Ok(()) }
    }

    fn held(&self) -> u64 {
        let rows = self.rows.len() * size_of::<T>();
        (rows + self.writer.as_ref().map_or(0, ArrowWriter::in_progress_size)) as u64
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.hand_on(out)?;
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(|error| unwritable(&schema_of(&self.fields), error))?;
        }
        self.written.take(out);
        Ok(())
    }
}
