//! A run of records on its way from one operator to the next.
//!
//! Answers for records that are objects of this interpreter, for records that lie encoded in a block, and for turning one
//! into the other. Not for where they go.
//! Holds: a chunk is not empty and never changes, so that several readers share it; its times, if there are any, are as
//! many as its records; it knows how many they are without the interpreter.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyList;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

use super::bytes::Bytes;

use crate::column::{Block, BlockWriter};

/// Values: a list in this interpreter, or a block from another one.
#[derive(Debug)]
pub(super) enum Values {
    Here(Py<PyList>),
    Block(Arc<Vec<u8>>),
}

impl Values {
    /// As a list of objects.
    pub(super) fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        match self {
            Self::Here(list) => Ok(list.bind(py).clone()),
            Self::Block(block) => decoded(py, block),
        }
    }

    /// As bytes that another interpreter can read.
    pub(super) fn block(&self) -> PyResult<Arc<Vec<u8>>> {
        match self {
            Self::Here(list) => Python::attach(|py| encoded(list.bind(py)).map(Arc::new)),
            Self::Block(block) => Ok(block.clone()),
        }
    }
}

/// Records, their times where they have any, and which way they go.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    run: Arc<Run>,
    /// The subtask that they are for, where the sender chooses.
    pub(super) target: u16,
    /// By which input they come in, where there are several.
    pub(super) input: u8,
}

#[derive(Debug)]
struct Run {
    records: Values,
    rows: usize,
    times: Option<Values>,
}

impl Chunk {
    /// Of `rows` records.
    pub(super) fn new(records: Values, rows: usize, times: Option<Values>, target: u16, input: u8) -> Self {
        Self { run: Arc::new(Run { records, rows, times }), target, input }
    }

    pub(super) fn records(&self) -> &Values {
        &self.run.records
    }

    /// How many records there are.
    pub(super) fn rows(&self) -> usize {
        self.run.rows
    }

    /// Milliseconds since 1970, one for each record.
    pub(super) fn times(&self) -> Option<&Values> {
        self.run.times.as_ref()
    }
}

/// A chunk as it is written: for another process, whose objects are others.
#[derive(Serialize, Deserialize)]
struct Written<B> {
    records: B,
    rows: u64,
    times: Option<B>,
    target: u16,
    input: u8,
}

/// A block, where it lies.
struct Lent(Arc<Vec<u8>>);

impl Serialize for Lent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl Serialize for Chunk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lent = |values: &Values| values.block().map(Lent).map_err(ser::Error::custom);
        let written = Written {
            records: lent(self.records())?,
            rows: self.rows() as u64,
            times: self.times().map(lent).transpose()?,
            target: self.target,
            input: self.input,
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Chunk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { records, rows, times, target, input } = Written::<Bytes>::deserialize(deserializer)?;
        let block = |Bytes(bytes)| Values::Block(Arc::new(bytes));
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        Ok(Self::new(block(records), rows, times.map(block), target, input))
    }
}

/// The values of a list as a block.
pub(super) fn encoded(list: &Bound<'_, PyList>) -> PyResult<Vec<u8>> {
    let mut writer = BlockWriter::default();
    for value in list {
        writer.push(&value)?;
    }
    writer.finish(list.py())
}

/// The values of a block as a list.
pub(super) fn decoded<'py>(py: Python<'py>, block: &Arc<Vec<u8>>) -> PyResult<Bound<'py, PyList>> {
    let mut block = Block::new(block.clone());
    let list = PyList::empty(py);
    while let Some(chunk) = block.next(py)? {
        (0..chunk.rows()).try_for_each(|row| list.append(chunk.get(py, row)?))?;
    }
    Ok(list)
}
