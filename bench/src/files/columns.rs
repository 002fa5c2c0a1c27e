//! Columns: the engine's source of Arrow batches beside the arrow crates alone.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use millstream::Result;
use millstream::connectors::files::Csv;
use millstream::connectors::files::columns::{
    ArrowBatch, CsvColumnFiles, DataType, Field, ParquetFiles, RecordBatch, Schema, SchemaRef, arrow_array,
};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Weight, counted, failed, lines, open, seconds};
use crate::arguments::Setup;
use crate::goal::Goal;
use crate::race::Race;
use crate::table::Row;

/// Rows of one batch, for both contenders.
const ROWS: usize = 8192;
/// Where the distance is.
const DISTANCE: usize = 3;

fn schema() -> SchemaRef {
    let field = |name, kind| Field::new(name, kind, true);
    Arc::new(Schema::new(vec![
        field("day", DataType::Utf8),
        field("carrier", DataType::Utf8),
        field("plane", DataType::Utf8),
        field("distance", DataType::Int64),
        field("delay", DataType::Float64),
    ]))
}

/// Rows, and the sum of their distances.
fn weigh(batch: &RecordBatch) -> Weight {
    let column = batch.column(DISTANCE).as_any().downcast_ref::<arrow_array::Int64Array>();
    let sum = column.map_or(0, |column| column.values().iter().sum::<i64>());
    Weight { records: batch.num_rows() as u64, sum: sum as u64 }
}

fn weigh_all(batches: &[ArrowBatch]) -> Weight {
    batches.iter().map(|batch| weigh(batch)).sum()
}

fn read_csv(file: File) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
    let builder = arrow_csv::ReaderBuilder::new(schema()).with_header(true).with_batch_size(ROWS);
    Ok(builder.build(file).map_err(failed)?.map(|batch| batch.map_err(failed)))
}

fn columns(setup: &Setup) -> Result<PathBuf> {
    let (from, count) = (lines(setup)?, setup.size(6_000_000, 20_000));
    setup.inputs.file(&format!("flights-{count}.parquet"), |out| {
        let other = std::io::Error::other::<millstream::Failure>;
        // The writer is another thread's, as far as its library knows.
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, schema(), None).map_err(std::io::Error::other)?;
        for batch in read_csv(File::open(&from)?).map_err(other)? {
            writer.write(&batch.map_err(other)?).map_err(std::io::Error::other)?;
        }
        writer.close().map_err(std::io::Error::other)?;
        out.write_all(&bytes)
    })
}

/// CSV to batches.
pub(crate) fn csv(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let path = &*lines(setup)?;
    let alone = || read_csv(open(path)?)?.map(|batch| Ok(weigh(&batch?))).sum();
    Race::of(work)
        .enter("arrow-csv", [], || seconds(alone))
        .enter("DataStream, 1 worker", [Goal::at_most(1.0 / 0.9, "arrow-csv")], || {
            counted(
                CsvColumnFiles::columns(path.to_string_lossy(), Csv::default(), Some(schema())),
                weigh_all,
            )
        })
        .run(setup)
}

/// Parquet to batches.
pub(crate) fn parquet(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let path = &*columns(setup)?;
    let alone = || {
        let builder = ParquetRecordBatchReaderBuilder::try_new(open(path)?).map_err(failed)?;
        let reader = builder.with_batch_size(ROWS).build().map_err(failed)?;
        reader.map(|batch| Ok(weigh(&batch.map_err(failed)?))).sum()
    };
    Race::of(work)
        .enter("parquet", [], || seconds(alone))
        .enter("DataStream, 1 worker", [Goal::at_most(1.0 / 0.9, "parquet")], || {
            counted(ParquetFiles::batches(path.to_string_lossy()), weigh_all)
        })
        .run(setup)
}
