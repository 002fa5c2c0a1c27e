//! Columns into records.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::bytes::{Cursor, damaged, number};
use super::{Column, Runs, loads, tag};

/// How deep columns may lie in columns: deeper than any that is written; damaged bytes must not recurse for ever.
const DEPTH: usize = 64;

/// Rows that were written together.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(super) column: Column,
    pub(super) rows: usize,
}

/// A block that is read a chunk at a time.
pub(crate) struct Block {
    bytes: Arc<Vec<u8>>,
    at: usize,
}

impl Block {
    pub(crate) fn new(bytes: Arc<Vec<u8>>) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next chunk; `None` at the end.
    pub(crate) fn next(&mut self, py: Python<'_>) -> PyResult<Option<Chunk>> {
        let mut cursor = Cursor(self.bytes.get(self.at..).unwrap_or_default());
        if cursor.0.is_empty() {
            return Ok(None);
        }
        let rows = cursor.length()?;
        let column = Column::read(py, &mut cursor, rows, DEPTH)?;
        self.at = self.bytes.len() - cursor.0.len();
        Ok(Some(Chunk { column, rows }))
    }
}

impl Chunk {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The record of a row.
    pub(crate) fn get<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyAny>> {
        self.column.get(py, row)
    }

    /// The keys of pairs, if they are all numbers.
    pub(crate) fn int_key(&self, row: usize) -> Option<i64> {
        match &self.column {
            Column::Tuple(columns) => match columns.first() {
                Some(Column::Int(numbers)) => Some(Column::int(numbers, row)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The keys of pairs, if they are all text.
    pub(crate) fn text_key(&self, row: usize) -> Option<&[u8]> {
        match &self.column {
            Column::Tuple(columns) => match columns.first() {
                Some(Column::Str(runs)) => Some(runs.get(row)),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Column {
    fn read(py: Python<'_>, cursor: &mut Cursor<'_>, rows: usize, depth: usize) -> PyResult<Self> {
        let size = |of: usize| rows.checked_mul(of).ok_or_else(|| damaged("too many rows"));
        Ok(match cursor.byte()? {
            tag::NONE => Self::None,
            tag::BOOL => Self::Bool(cursor.take(rows)?.to_vec()),
            tag::INT => Self::Int(cursor.take(size(8)?)?.to_vec()),
            tag::FLOAT => Self::Float(cursor.take(size(8)?)?.to_vec()),
            tag::STR => Self::Str(Runs::read(cursor, rows, size(4)?)?),
            tag::BYTES => Self::Bytes(Runs::read(cursor, rows, size(4)?)?),
            tag::TUPLE => {
                let width = cursor.length()?;
                let depth = depth.checked_sub(1).ok_or_else(|| damaged("tuples lie too deep"))?;
                let columns = (0..width).map(|_| Self::read(py, cursor, rows, depth));
                Self::Tuple(columns.collect::<PyResult<_>>()?)
            }
            tag::OBJECTS => {
                let length = cursor.length()?;
                let list = loads(py, cursor.take(length)?)?.cast_into::<PyList>()?;
                if list.len() != rows {
                    return Err(damaged("it has another number of objects than of rows"));
                }
                Self::Objects(list.iter().map(Bound::unbind).collect())
            }
            other => return Err(damaged(&format!("{other} is no type of a column"))),
        })
    }

    /// The value of a row.
    pub(super) fn get<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self {
            Self::Empty | Self::None => py.None().into_bound(py),
            Self::Bool(flags) => {
                PyBool::new(py, flags.get(row).is_some_and(|&flag| flag != 0)).to_owned().into_any()
            }
            Self::Int(numbers) => PyInt::new(py, Self::int(numbers, row)).into_any(),
            Self::Float(numbers) => {
                PyFloat::new(py, number(numbers, row).map_or(0.0, f64::from_le_bytes)).into_any()
            }
            Self::Str(runs) => PyString::from_bytes(py, runs.get(row))?.into_any(),
            Self::Bytes(runs) => PyBytes::new(py, runs.get(row)).into_any(),
            Self::Tuple(columns) => match &columns[..] {
                [first, second] => PyTuple::new(py, [first.get(py, row)?, second.get(py, row)?])?.into_any(),
                columns => {
                    let values = columns.iter().map(|column| column.get(py, row));
                    PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)?.into_any()
                }
            },
            Self::Objects(objects) => match objects.get(row) {
                Some(object) => object.bind(py).clone(),
                None => return Err(damaged("a row is missing")),
            },
        })
    }
}

impl Runs {
    fn read(cursor: &mut Cursor<'_>, rows: usize, ends: usize) -> PyResult<Self> {
        let ends = cursor.take(ends)?.to_vec();
        let mut runs = Self { ends, bytes: Vec::new() };
        let length = rows.checked_sub(1).map_or(0, |last| runs.end(last));
        runs.bytes = cursor.take(length)?.to_vec();
        Ok(runs)
    }
}
