//! The rows of one part of a file, into the program's own types.
//!
//! Holds: the position moves behind rows that were emitted or left out, and behind no others.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH, Origin};
use millstream_model::error::{Failure, Fault, Result, Unit};
use millstream_model::record::Record;
use millstream_model::text::Text;
use serde::de::DeserializeOwned;

use super::{Csv, CsvRows, OnBadRow, SkippedRows, json_row};
use crate::file::{Input, Part, PartReader, ReadFormat};
use crate::lines::{LineSettings, PartLines};

/// Rows of CSV, or JSON values on lines, each as a `T`.
#[derive(Debug)]
pub struct Rows<T> {
    /// How they are written.
    pub kind: RowKind,
    /// What becomes of bad ones.
    pub on_bad: OnBadRow,
    /// Where bad ones are counted.
    pub skipped: SkippedRows,
    row: PhantomData<fn() -> T>,
}

/// How rows are written.
#[derive(Clone, Copy, Debug)]
pub enum RowKind {
    /// As CSV.
    Csv(Csv),
    /// As JSON, a value on each line.
    JsonLines,
}

impl<T> Clone for Rows<T> {
    fn clone(&self) -> Self {
        Self { kind: self.kind, on_bad: self.on_bad, skipped: self.skipped.clone(), row: PhantomData }
    }
}

impl<T> Rows<T> {
    /// Rows of which none may be bad.
    pub fn of(kind: RowKind) -> Self {
        Self { kind, on_bad: OnBadRow::Fail, skipped: SkippedRows::default(), row: PhantomData }
    }

    /// A row, or `None` where it is bad and is left out.
    fn judged(&self, row: Result<T>) -> Result<Option<T>> {
        match row {
            // What fails outside is no fault of the row.
            Err(failure) if self.on_bad == OnBadRow::Skip && failure.fault() == Fault::User => {
                self.skipped.add_one();
                Ok(None)
            }
            row => row.map(Some),
        }
    }
}

impl<T: Record + DeserializeOwned> ReadFormat for Rows<T> {
    type Record = T;
    type Reader = PartRows<T>;

    fn source_name(&self) -> &'static str {
        match self.kind {
            RowKind::Csv(_) => "CsvFiles",
            RowKind::JsonLines => "JsonFiles",
        }
    }

    fn check(&self) -> Result<()> {
        match self.kind {
            RowKind::Csv(csv) => csv.check(),
            RowKind::JsonLines => Ok(()),
        }
    }

    /// A quoted field may hold a line end, so that CSV is read as one.
    fn part_bytes(&self, wanted: u64) -> u64 {
        match self.kind {
            RowKind::Csv(_) => u64::MAX,
            RowKind::JsonLines => wanted,
        }
    }

    fn open(&self, input: Arc<dyn Input>, part: &Part) -> Result<PartRows<T>> {
        let from = match self.kind {
            RowKind::JsonLines => From::Json(Box::new(LineSettings::default().open(input, part)?)),
            RowKind::Csv(csv) => {
                let name = input.name().clone();
                let open = |byte| Ok(Box::new(input.stream(byte, None)?) as _);
                From::Csv(Box::new(CsvRows::open(name, csv, part.at, &open)?))
            }
        };
        Ok(PartRows { rows: self.clone(), from })
    }
}

/// Reads the rows of a part.
pub struct PartRows<T> {
    rows: Rows<T>,
    from: From<T>,
}

enum From<T> {
    Csv(Box<CsvRows<T>>),
    Json(Box<PartLines>),
}

impl<T: Record + DeserializeOwned> PartReader<T> for PartRows<T> {
    fn wait(&mut self, patience: Duration) -> bool {
        match &mut self.from {
            From::Csv(_) => true,
            From::Json(lines) => lines.wait(patience),
        }
    }

    fn read(&mut self, emit: &mut dyn FnMut(&mut Batch<T>) -> Result<()>) -> Result<bool> {
        let Self { rows, from } = self;
        match from {
            From::Csv(from) => {
                let (mut batch, more) = next_rows(rows, from)?;
                emit(&mut batch)?;
                Ok(more)
            }
            From::Json(lines) => lines.read(&mut |batch| emit(&mut values(rows, batch)?)),
        }
    }

    fn position(&self) -> Option<(u64, u64)> {
        match &self.from {
            From::Csv(from) => Some((from.byte(), from.line())),
            From::Json(lines) => lines.position(),
        }
    }
}

/// The values on some lines.
fn values<T: Record + DeserializeOwned>(rows: &Rows<T>, lines: &mut Batch<Text>) -> Result<Batch<T>> {
    let mut values = Batch::with_capacity(lines.len());
    for (index, line) in lines.records().iter().enumerate() {
        if line.as_str().trim().is_empty() {
            continue;
        }
        let value = json_row(line).map_err(|failure| placed(failure, lines, index));
        values.extend(rows.judged(value)?);
    }
    let origin = lines
        .origin()
        .map(|origin| if values.len() == lines.len() { origin.clone() } else { origin.blurred() });
    values.set_origin(origin);
    Ok(values)
}

fn placed(failure: Failure, lines: &Batch<Text>, index: usize) -> Failure {
    let failure = failure.advice("mend the line, or leave such lines out and count them: OnBadRow::Skip");
    match lines.origin() {
        Some(origin) => failure.at(origin.position(index)),
        None => failure,
    }
}

/// Up to a batch of rows; whether there are more.
fn next_rows<T: Record + DeserializeOwned>(
    rows: &Rows<T>,
    from: &mut CsvRows<T>,
) -> Result<(Batch<T>, bool)> {
    let (mut batch, first) = (Batch::with_capacity(DEFAULT_BATCH), from.line());
    let mut more = true;
    for _ in 0..DEFAULT_BATCH {
        match from.next_row().transpose() {
            None => {
                more = false;
                break;
            }
            Some(found) => batch.extend(rows.judged(found)?),
        }
    }
    // A row may take several lines: where one stood is known to lie between the first and the last.
    let lines = usize::try_from(from.line().saturating_sub(first)).unwrap_or(usize::MAX);
    let mut origin = Origin::new(from.source().clone(), Unit::Line, first + 1, lines);
    if lines != batch.len() {
        origin.blur();
    }
    batch.set_origin(Some(origin));
    Ok((batch, more))
}
