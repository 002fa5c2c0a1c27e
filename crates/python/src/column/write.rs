//! Records into columns.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::bytes::put_length;
use super::{Column, Runs, dumps, tag};
use crate::calls::utf8;

/// How many rows a chunk has at most.
const ROWS: usize = 8192;

/// How deep tuples in tuples become columns; what lies deeper is pickled.
const DEPTH: usize = 16;

/// Writes records one after the other.
#[derive(Default)]
pub(crate) struct BlockWriter {
    column: Column,
    rows: usize,
    done: Vec<u8>,
}

impl BlockWriter {
    /// Adds a record.
    pub(crate) fn push(&mut self, record: &Bound<'_, PyAny>) -> PyResult<()> {
        self.column.push(self.rows, record, DEPTH)?;
        self.rows += 1;
        if self.rows == ROWS { self.end_chunk(record.py()) } else { Ok(()) }
    }

    fn end_chunk(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.rows > 0 {
            put_length(self.rows, &mut self.done);
            std::mem::take(&mut self.column).write(py, &mut self.done)?;
            self.rows = 0;
        }
        Ok(())
    }

    /// The block.
    pub(crate) fn finish(mut self, py: Python<'_>) -> PyResult<Vec<u8>> {
        self.end_chunk(py)?;
        Ok(self.done)
    }
}

/// Texts as a block of `str`, without an interpreter.
pub(crate) fn text_block<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut done, mut runs, mut rows) = (Vec::new(), Runs::default(), 0);
    let end_chunk = |runs: &mut Runs, rows: &mut usize, done: &mut Vec<u8>| {
        if *rows > 0 {
            put_length(*rows, done);
            std::mem::take(runs).write(tag::STR, done);
            *rows = 0;
        }
    };
    for text in texts {
        if rows == ROWS || !runs.has_room_for(text) {
            end_chunk(&mut runs, &mut rows, &mut done);
        }
        runs.push(text);
        rows += 1;
    }
    end_chunk(&mut runs, &mut rows, &mut done);
    done
}

impl Runs {
    fn write(self, tag: u8, into: &mut Vec<u8>) {
        into.push(tag);
        into.extend_from_slice(&self.ends);
        into.extend_from_slice(&self.bytes);
    }
}

impl Column {
    /// The arrays that a first value wants.
    fn fitting(value: &Bound<'_, PyAny>) -> Self {
        if value.is_exact_instance_of::<PyTuple>() {
            let width = value.cast::<PyTuple>().map_or(0, |tuple| tuple.len());
            Self::Tuple((0..width).map(|_| Self::Empty).collect())
        } else if value.is_exact_instance_of::<PyInt>() {
            Self::Int(Vec::new())
        } else if value.is_exact_instance_of::<PyString>() {
            Self::Str(Runs::default())
        } else if value.is_exact_instance_of::<PyFloat>() {
            Self::Float(Vec::new())
        } else if value.is_none() {
            Self::None
        } else if value.is_exact_instance_of::<PyBytes>() {
            Self::Bytes(Runs::default())
        } else if value.is_exact_instance_of::<PyBool>() {
            Self::Bool(Vec::new())
        } else {
            Self::Objects(Vec::new())
        }
    }

    /// Adds the value of row number `row`.
    fn push(&mut self, row: usize, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<()> {
        if matches!(self, Self::Empty) {
            *self = if depth == 0 { Self::Objects(Vec::new()) } else { Self::fitting(value) };
        }
        if self.take(row, value, depth)? {
            return Ok(());
        }
        let mut objects = Vec::with_capacity(row + 1);
        for at in 0..row {
            objects.push(self.get(value.py(), at)?.unbind());
        }
        objects.push(value.clone().unbind());
        *self = Self::Objects(objects);
        Ok(())
    }

    /// Adds the value if it is of the column's type; if not, the column holds `row` rows as before.
    fn take(&mut self, row: usize, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<bool> {
        match self {
            Self::Int(numbers) if value.is_exact_instance_of::<PyInt>() => match value.extract::<i64>() {
                Ok(number) => numbers.extend_from_slice(&number.to_le_bytes()),
                Err(_) => return Ok(false),
            },
            Self::Str(runs) if value.is_exact_instance_of::<PyString>() => {
                match utf8(value.cast::<PyString>()?) {
                    Some(text) if runs.has_room_for(text.as_bytes()) => runs.push(text.as_bytes()),
                    _ => return Ok(false),
                }
            }
            Self::Float(numbers) if value.is_exact_instance_of::<PyFloat>() => {
                numbers.extend_from_slice(&value.extract::<f64>()?.to_le_bytes());
            }
            Self::Bool(flags) if value.is_exact_instance_of::<PyBool>() => {
                flags.push(u8::from(value.extract::<bool>()?));
            }
            Self::None if value.is_none() => {}
            Self::Bytes(runs) if value.is_exact_instance_of::<PyBytes>() => {
                let bytes = value.cast::<PyBytes>()?.as_bytes();
                if !runs.has_room_for(bytes) {
                    return Ok(false);
                }
                runs.push(bytes);
            }
            Self::Tuple(columns) if value.is_exact_instance_of::<PyTuple>() => {
                let tuple = value.cast::<PyTuple>()?;
                if tuple.len() != columns.len() {
                    return Ok(false);
                }
                for (at, column) in columns.iter_mut().enumerate() {
                    let value = tuple.get_borrowed_item(at)?;
                    column.push(row, &value, depth - 1)?;
                }
            }
            Self::Objects(objects) => objects.push(value.clone().unbind()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn write(self, py: Python<'_>, into: &mut Vec<u8>) -> PyResult<()> {
        let array = |tag: u8, array: &[u8], into: &mut Vec<u8>| {
            into.push(tag);
            into.extend_from_slice(array);
        };
        match self {
            Self::Empty | Self::None => into.push(tag::NONE),
            Self::Bool(flags) => array(tag::BOOL, &flags, into),
            Self::Int(numbers) => array(tag::INT, &numbers, into),
            Self::Float(numbers) => array(tag::FLOAT, &numbers, into),
            Self::Str(texts) => texts.write(tag::STR, into),
            Self::Bytes(values) => values.write(tag::BYTES, into),
            Self::Tuple(columns) => {
                into.push(tag::TUPLE);
                put_length(columns.len(), into);
                for column in columns {
                    column.write(py, into)?;
                }
            }
            Self::Objects(objects) => {
                let pickled = dumps(PyList::new(py, objects)?.as_any())?;
                into.push(tag::OBJECTS);
                put_length(pickled.as_bytes().len(), into);
                into.extend_from_slice(pickled.as_bytes());
            }
        }
        Ok(())
    }
}
