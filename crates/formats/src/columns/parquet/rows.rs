//! Rows of Parquet files into the program's own types: only the columns that the type has are read.

use std::marker::PhantomData;
use std::sync::Arc;

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH};
use millstream_model::error::Result;
use millstream_model::record::Record;
use serde::de::DeserializeOwned;

use super::super::structs::{fields, rows};
use super::{PartParquet, ReadParquet};
use crate::file::{Input, Part, PartReader, ReadFormat};

/// Parquet files as rows, each as a `T`.
#[derive(Debug)]
pub struct ReadParquetRows<T> {
    /// What is read.
    pub parquet: ReadParquet,
    row: PhantomData<fn() -> T>,
}

impl<T> Clone for ReadParquetRows<T> {
    fn clone(&self) -> Self {
        Self { parquet: self.parquet.clone(), row: PhantomData }
    }
}

impl<T: DeserializeOwned> Default for ReadParquetRows<T> {
    fn default() -> Self {
        let columns = fields::<T>().map(|fields| fields.iter().map(|field| field.name().clone()).collect());
        Self { parquet: ReadParquet { columns, ..ReadParquet::default() }, row: PhantomData }
    }
}

impl<T: Record + DeserializeOwned> ReadFormat for ReadParquetRows<T> {
    type Record = T;
    type Reader = PartParquetRows<T>;

    fn source_name(&self) -> &'static str {
        "ParquetRowFiles"
    }

    fn check(&self) -> Result<()> {
        self.parquet.check()
    }

    fn open(&self, input: Arc<dyn Input>, part: &Part) -> Result<PartParquetRows<T>> {
        Ok(PartParquetRows { batches: self.parquet.open(input, part)?, row: PhantomData })
    }
}

/// Reads the rows of a part.
pub struct PartParquetRows<T> {
    batches: PartParquet,
    row: PhantomData<fn() -> T>,
}

impl<T: Record + DeserializeOwned> PartReader<T> for PartParquetRows<T> {
    fn read(&mut self, emit: &mut dyn FnMut(&mut Batch<T>) -> Result<()>) -> Result<bool> {
        let Some(batch) = self.batches.next_batch()? else { return Ok(false) };
        for at in (0..batch.num_rows()).step_by(DEFAULT_BATCH) {
            let some = batch.slice(at, DEFAULT_BATCH.min(batch.num_rows() - at));
            let read = rows(&some).map_err(|failure| {
                failure.within(format!("row group {} of `{}`", self.batches.group(), self.batches.name()))
            })?;
            emit(&mut Batch::from(read))?;
        }
        Ok(true)
    }

    fn position(&self) -> Option<(u64, u64)> {
        Some(self.batches.place())
    }
}
