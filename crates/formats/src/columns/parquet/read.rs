//! Reading batches, row group by row group.
//!
//! Holds: the position is a row group and how many rows of it were emitted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::ArrowBatch;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use millstream_dataflow::batch::Batch;
use millstream_model::error::{Failure, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowFilter,
};

use super::super::ROWS;
use super::super::schema::{check, shown};
use super::Condition;
use super::chunks::Chunks;
use crate::file::{Input, Part, PartReader, ReadFormat};

/// Parquet files as batches of columns.
#[derive(Clone, Debug, Default)]
pub struct ReadParquet {
    /// The columns that are read, by name; all if none are named.
    pub columns: Option<Vec<String>>,
    /// What the rows have that are wanted: all of it.
    pub conditions: Vec<Condition>,
    /// The columns that each file must have, with their types, if that is to be checked.
    pub schema: Option<SchemaRef>,
    /// How many row groups were not read, since their statistics tell that none of their rows is wanted.
    pub skipped: SkippedGroups,
}

/// How many row groups were left out, over all readers of a source since the process started.
#[derive(Clone, Debug, Default)]
pub struct SkippedGroups(Arc<AtomicU64>);

impl SkippedGroups {
    /// The count so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl ReadFormat for ReadParquet {
    type Record = ArrowBatch;
    type Reader = PartParquet;

    fn source_name(&self) -> &'static str {
        "ParquetFiles"
    }

    fn check(&self) -> Result<()> {
        match &self.columns {
            Some(columns) if columns.is_empty() => {
                Err(Failure::user("no column of the Parquet files is asked for")
                    .advice("name at least one, or leave the choice of columns out"))
            }
            _ => Ok(()),
        }
    }

    fn open(&self, input: Arc<dyn Input>, part: &Part) -> Result<PartParquet> {
        let name = input.name().clone();
        let chunks = Chunks::of(input)?;
        let file = ArrowReaderMetadata::load(&chunks, ArrowReaderOptions::new()).map_err(|error| {
            let failure = Failure::user(format!("`{name}` is no Parquet file, or is cut off"));
            chunks.failed().unwrap_or(failure).because(error).advice(
                "a Parquet file begins and ends with PAR1: write it again, or leave it out by the pattern of the path",
            )
        })?;
        if let Some(expected) = &self.schema {
            check(&name, file.schema(), expected)?;
        }
        let mask = match &self.columns {
            None => ProjectionMask::all(),
            Some(columns) => {
                if let Some(missing) =
                    columns.iter().find(|name| file.schema().field_with_name(name).is_err())
                {
                    return Err(Failure::user(format!("`{name}` has no column `{missing}`"))
                        .advice(format!("its columns are: {}", shown(file.schema()))));
                }
                ProjectionMask::roots(
                    file.parquet_schema(),
                    columns.iter().filter_map(|name| file.schema().index_of(name).ok()),
                )
            }
        };
        let groups = file.metadata().row_groups();
        let start = |group: usize| groups[group].columns().first().map_or(0, |column| column.byte_range().0);
        let (first, passed) =
            part.at.map_or((0, 0), |(group, rows)| (usize::try_from(group).unwrap_or(0), rows));
        let mut wanted = vec![true; groups.len()];
        for condition in &self.conditions {
            let may_be = condition.may_be_in(&name, &file)?;
            wanted.iter_mut().zip(may_be).for_each(|(wanted, may_be)| *wanted &= may_be);
        }
        let own: Vec<usize> = (first..groups.len()).filter(|group| part.has(start(*group))).collect();
        let (left, skipped): (Vec<usize>, Vec<usize>) = own.into_iter().partition(|group| wanted[*group]);
        self.skipped.0.fetch_add(skipped.len() as u64, Ordering::Relaxed);
        let at =
            (left.first().copied().unwrap_or(first), if left.first() == Some(&first) { passed } else { 0 });
        let left = left.into_iter();
        Ok(PartParquet {
            name,
            chunks,
            file,
            mask,
            conditions: self.conditions.clone(),
            left,
            open: None,
            at,
        })
    }
}

/// Reads the row groups of a part.
pub struct PartParquet {
    name: Arc<str>,
    chunks: Chunks,
    file: ArrowReaderMetadata,
    mask: ProjectionMask,
    conditions: Vec<Condition>,
    /// The row groups that are still to be read.
    left: std::vec::IntoIter<usize>,
    open: Option<ParquetRecordBatchReader>,
    /// The row group that is read, and how many of its rows were emitted.
    at: (usize, u64),
}

impl PartParquet {
    /// The file's name.
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The row group that was read last.
    pub(super) fn group(&self) -> usize {
        self.at.0
    }

    /// Fetches the bytes of a row group, and begins to decode them behind the rows that were emitted before.
    fn begin(&mut self, group: usize) -> Result<ParquetRecordBatchReader> {
        let columns = self.file.metadata().row_group(group).columns();
        let asked: Vec<&str> = self.conditions.iter().map(Condition::column).collect();
        let is_read = |at: usize| {
            let root = self.file.parquet_schema().get_column_root(at).name();
            self.mask.leaf_included(at) || asked.contains(&root)
        };
        let ranges = (0..columns.len()).filter(|at| is_read(*at)).map(|at| {
            let (start, length) = columns[at].byte_range();
            start..start + length
        });
        self.chunks
            .fetch(ranges.collect())
            .map_err(|failure| failure.within(format!("row group {group}")))?;
        let filters = self.conditions.iter().map(|condition| condition.filter(&self.name, &self.file));
        let filters = filters.collect::<Result<Vec<_>>>()?;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.chunks.clone(), self.file.clone())
                .with_row_groups(vec![group])
                .with_projection(self.mask.clone())
                .with_batch_size(ROWS)
                .with_offset(usize::try_from(self.at.1).unwrap_or(usize::MAX));
        let builder =
            if filters.is_empty() { builder } else { builder.with_row_filter(RowFilter::new(filters)) };
        builder.build().map_err(|error| self.wrong(group, error.into()))
    }

    fn wrong(&self, group: usize, error: millstream_model::error::BoxError) -> Failure {
        let what = format!("row group {group} of `{}` cannot be read", self.name);
        match self.chunks.failed() {
            Some(failure) => failure.within(what),
            None => Failure::user(what).because(error).advice(
                "the file is damaged, or was changed while it was read: write it again, under a name that was not read yet",
            ),
        }
    }

    /// The next batch; `None` at the end of the part.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => {
                    let Some(group) = self.left.next() else { return Ok(None) };
                    if group != self.at.0 {
                        self.at = (group, 0);
                    }
                    self.begin(group)?
                }
            };
            match open.next() {
                Some(batch) => {
                    let batch = batch.map_err(|error| self.wrong(self.at.0, error.into()))?;
                    self.at.1 += batch.num_rows() as u64;
                    self.open = Some(open);
                    return Ok(Some(batch));
                }
                // The next group, if there is one; a reader that goes on here finds this one at its end.
                None => self.at = (self.at.0 + 1, 0),
            }
        }
    }

    pub(super) fn place(&self) -> (u64, u64) {
        (self.at.0 as u64, self.at.1)
    }
}

impl PartReader<ArrowBatch> for PartParquet {
    fn read(&mut self, emit: &mut dyn FnMut(&mut Batch<ArrowBatch>) -> Result<()>) -> Result<bool> {
        match self.next_batch()? {
            Some(batch) => {
                emit(&mut Batch::from(vec![ArrowBatch(batch)]))?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn position(&self) -> Option<(u64, u64)> {
        Some(self.place())
    }
}
