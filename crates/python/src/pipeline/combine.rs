//! What is done key by key: combining values, and grouping those of several inputs.
//!
//! Holds: keys come out in the order in which they were first met, values in the order in which they came.

use std::vec::IntoIter;

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::keys::Keys;
use super::{Pipeline, fault, pair, parts};
use crate::calls::{call1, call2};

/// The pairs of a table, once it is made.
enum Table {
    Filling,
    Made { keys: Keys, values: IntoIter<Py<PyAny>>, next: usize },
}

impl Table {
    /// The values by the numbers of their keys.
    fn of<T>(keys: Keys, values: Vec<Bound<'_, T>>) -> Self {
        let values: Vec<_> = values.into_iter().map(|value| value.into_any().unbind()).collect();
        Self::Made { keys, values: values.into_iter(), next: 0 }
    }

    fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Self::Made { keys, values, next } = self else { return Ok(None) };
        let Some(value) = values.next() else { return Ok(None) };
        *next += 1;
        pair(keys.key(py, *next - 1)?, value.into_bound(py)).map(Some)
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
        let (mut keys, mut values) = (Keys::default(), Vec::new());
        let merge = self.merge.bind(py);
        while let Some(record) = self.of.next(py)? {
            let mut add = || {
                let (key, value) = parts(&record)?;
                match values.get_mut(keys.number(&key)?) {
                    Some(before) => *before = call2(merge, before, &value)?,
                    None => values.push(match &self.create {
                        Some(create) => call1(create.bind(py), &value)?,
                        None => value,
                    }),
                }
                Ok(())
            };
            add().map_err(|error| fault::at_record(py, error, &self.name, &record))?;
        }
        Ok(Table::of(keys, values))
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
        let (mut keys, mut groups) = (Keys::default(), Vec::<Bound<'_, PyTuple>>::new());
        let inputs = self.of.len();
        for (at, pipeline) in self.of.iter_mut().enumerate() {
            while let Some(record) = pipeline.next(py)? {
                let mut add = || {
                    let (key, value) = parts(&record)?;
                    let number = keys.number(&key)?;
                    if number == groups.len() {
                        groups.push(PyTuple::new(py, (0..inputs).map(|_| PyList::empty(py)))?);
                    }
                    groups[number].get_borrowed_item(at)?.cast::<PyList>()?.append(value)
                };
                add().map_err(|error| fault::at_record(py, error, "groupByKey", &record))?;
            }
        }
        Ok(Table::of(keys, groups))
    }
}
