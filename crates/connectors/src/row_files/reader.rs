//! Reading the rows of splits, one split after the other.
//!
//! Holds: the position of a split moves behind rows that were emitted or left out, and behind no others.

use std::collections::VecDeque;
use std::time::Duration;

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH, Origin};
use millstream_dataflow::source::{Polled, SourceOutput, SourceReader};
use millstream_formats::rows::{CsvRows, OnBadRow, json_row};
use millstream_model::error::{Fault, Result, Unit};
use millstream_model::text::Text;
use serde::de::DeserializeOwned;

use super::{Format, RowFiles};
use crate::text_files::{FileSplit, SplitLines};

pub(super) struct RowReader<T> {
    files: RowFiles<T>,
    splits: VecDeque<FileSplit>,
    /// The rows of the first split.
    open: Option<Open<T>>,
}

enum Open<T> {
    Csv(Box<CsvRows<T>>),
    Json(Box<SplitLines>),
}

impl<T: DeserializeOwned + Clone + Send + 'static> RowReader<T> {
    pub(super) fn new(files: RowFiles<T>) -> Self {
        Self { files, splits: VecDeque::new(), open: None }
    }

    fn open(&self, split: &FileSplit) -> Result<Open<T>> {
        let text = &self.files.files;
        Ok(match self.files.format {
            Format::JsonLines => Open::Json(Box::new(text.open(split)?)),
            Format::Csv(csv) => {
                let at = split.byte.map(|byte| (byte, split.lines));
                let open = |byte| text.open_bytes(&split.path, byte);
                Open::Csv(Box::new(CsvRows::open(split.path.as_str().into(), csv, at, &open)?))
            }
        })
    }
}

/// A row, or `None` where it is bad and is left out.
fn row<T>(files: &RowFiles<T>, row: Result<T>) -> Result<Option<T>> {
    match row {
        // What fails outside is no fault of the row.
        Err(failure) if files.on_bad == OnBadRow::Skip && failure.fault() == Fault::User => {
            files.skipped.add_one();
            Ok(None)
        }
        row => row.map(Some),
    }
}

/// The values on some lines.
fn values<T: DeserializeOwned>(files: &RowFiles<T>, lines: &mut Batch<Text>) -> Result<Batch<T>> {
    let mut values = Batch::with_capacity(lines.len());
    for (index, line) in lines.records().iter().enumerate() {
        let is_empty = line.as_str().trim().is_empty();
        let value = json_row(line).map_err(|failure| match lines.origin() {
            Some(origin) => failure.at(origin.position(index)),
            None => failure,
        });
        if !is_empty && let Some(value) = row(files, value)? {
            values.push(value);
        }
    }
    let origin = lines
        .origin()
        .map(|origin| if values.len() == lines.len() { origin.clone() } else { origin.blurred() });
    values.set_origin(origin);
    Ok(values)
}

/// Up to a batch of rows; whether there are more.
fn rows<T: DeserializeOwned>(
    files: &RowFiles<T>,
    from: &mut CsvRows<T>,
    split: &FileSplit,
) -> Result<(Batch<T>, bool)> {
    let (mut batch, first) = (Batch::with_capacity(DEFAULT_BATCH), from.line());
    let mut more = true;
    for _ in 0..DEFAULT_BATCH {
        match from.next_row().transpose() {
            None => {
                more = false;
                break;
            }
            Some(found) => batch.extend(row(files, found)?),
        }
    }
    // A row may take several lines: where one stood is known to lie between the first and the last.
    let lines = usize::try_from(from.line().saturating_sub(first)).unwrap_or(usize::MAX);
    let mut origin = Origin::new(split.path.as_str().into(), Unit::Line, first + 1, lines);
    if lines != batch.len() {
        origin.blur();
    }
    batch.set_origin(Some(origin));
    Ok((batch, more))
}

impl<T: DeserializeOwned + Clone + Send + 'static> SourceReader<T, FileSplit> for RowReader<T> {
    fn add_split(&mut self, split: FileSplit) -> Result<()> {
        self.splits.push_back(split);
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, T>, patience: Duration) -> Result<Polled> {
        let Some(first) = self.splits.front() else { return Ok(Polled::NeedSplit) };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open(first)?,
        };
        let Some(split) = self.splits.front_mut() else { return Ok(Polled::NeedSplit) };
        let files = &self.files;
        let more = match &mut open {
            Open::Csv(from) => {
                let (mut batch, more) = rows(files, from, split)?;
                output.emit(&mut batch)?;
                (split.byte, split.lines) = (Some(from.byte()), from.line());
                more
            }
            Open::Json(lines) => {
                if !lines.wait(patience) {
                    self.open = Some(open);
                    return Ok(Polled::Nothing);
                }
                let more = lines.read(&mut |batch| output.emit(&mut values(files, batch)?))?;
                if let Some((byte, lines)) = lines.position() {
                    (split.byte, split.lines) = (Some(byte), lines);
                }
                more
            }
        };
        if more {
            self.open = Some(open);
        } else {
            self.splits.pop_front();
        }
        Ok(Polled::More)
    }

    fn snapshot(&mut self) -> Vec<FileSplit> {
        self.splits.iter().cloned().collect()
    }
}
