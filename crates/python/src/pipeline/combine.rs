//! What is done key by key: combining values, and grouping those of several inputs.
//!
//! Holds: keys come out in the order in which they were first met, values in the order in which they came.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyTuple};

use super::{Pipeline, fault, parts};
use crate::calls::{call1, call2};

/// The pairs of a table, once it is made.
enum Table {
    Filling,
    Made(Py<PyIterator>),
}

impl Table {
    fn of(table: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self::Made(table.items().try_iter()?.unbind()))
    }

    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::Filling => Ok(None),
            Self::Made(pairs) => pairs.bind(py).clone().next().transpose(),
        }
    }
}

/// The values of each key made one.
pub(super) struct CombineByKey {
    of: Pipeline,
    name: String,
    create: Option<Py<PyAny>>,
    merge: Py<PyAny>,
    table: Table,
}

impl CombineByKey {
    pub(super) fn new(of: Pipeline, name: String, create: Option<Py<PyAny>>, merge: Py<PyAny>) -> Self {
        Self { of, name, create, merge, table: Table::Filling }
    }

    pub(super) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if matches!(self.table, Table::Filling) {
            self.table = self.fill(py)?;
        }
        self.table.next(py)
    }

    fn fill(&mut self, py: Python<'_>) -> PyResult<Table> {
        let table = PyDict::new(py);
        let merge = self.merge.bind(py);
        while let Some(record) = self.of.next(py)? {
            let add = || {
                let (key, value) = parts(&record)?;
                let combined = match (table.get_item(&key)?, &self.create) {
                    (Some(before), _) => call2(merge, &before, &value)?,
                    (None, Some(create)) => call1(create.bind(py), &value)?,
                    (None, None) => value,
                };
                table.set_item(key, combined)
            };
            add().map_err(|error| fault::at_record(py, error, &self.name, &record))?;
        }
        Table::of(&table)
    }
}

/// The values of each key, listed for each input.
pub(super) struct Cogroup {
    of: Vec<Pipeline>,
    table: Table,
}

impl Cogroup {
    pub(super) fn new(of: Vec<Pipeline>) -> Self {
        Self { of, table: Table::Filling }
    }

    pub(super) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if matches!(self.table, Table::Filling) {
            self.table = self.fill(py)?;
        }
        self.table.next(py)
    }

    fn fill(&mut self, py: Python<'_>) -> PyResult<Table> {
        let table = PyDict::new(py);
        let inputs = self.of.len();
        for (at, pipeline) in self.of.iter_mut().enumerate() {
            while let Some(record) = pipeline.next(py)? {
                let add = || {
                    let (key, value) = parts(&record)?;
                    let lists = match table.get_item(&key)? {
                        Some(lists) => lists.cast_into::<PyTuple>()?,
                        None => {
                            let lists = PyTuple::new(py, (0..inputs).map(|_| PyList::empty(py)))?;
                            table.set_item(key, &lists)?;
                            lists
                        }
                    };
                    lists.get_borrowed_item(at)?.cast::<PyList>()?.append(value)
                };
                add().map_err(|error| fault::at_record(py, error, "groupByKey", &record))?;
            }
        }
        Table::of(&table)
    }
}
