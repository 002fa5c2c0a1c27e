//! The records of one partition, made one after the other.
//!
//! A pipeline is a source and the steps that are taken with each record. It is pulled: a record goes through all steps
//! before the next is taken, so that what nobody asks for is not computed, and an iterator that a step gave is emptied
//! only as far as somebody asks. The user's functions run as Python; between them there is none.
//!
//! Answers for the order in which functions are called, and for naming the step and the record at which one failed. Not
//! for where blocks come from (`host`) nor for what becomes of the records (`sink`).
//! Holds: with the interpreter attached once, any number of records can be taken.

mod combine;
mod fault;
mod jumps;
mod keep;
mod keys;
mod lines;
mod load;
mod numbered;
mod records;
mod sample;
mod sort;
mod source;

pub(crate) use load::Loader;
pub(crate) use records::Records;

use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyTuple};

use crate::calls::call1;
use crate::plan::Action;
use source::Source;

/// Records on demand.
pub(crate) struct Pipeline {
    source: Source,
    steps: Vec<LoadedStep>,
    /// The iterators that steps gave and that are not empty yet; the last is asked first.
    open: Vec<Open>,
}

/// A step with its function at hand.
struct LoadedStep {
    name: String,
    action: Action,
    function: Option<Py<PyAny>>,
}

/// What a step gave instead of one record.
struct Open {
    /// The step that takes what is in it.
    next: usize,
    items: Items,
    /// The key of each, if they are values.
    key: Option<Py<PyAny>>,
}

enum Items {
    List { list: Py<PyList>, next: usize },
    Iterator(Py<PyIterator>),
}

/// What became of a record at a step.
enum Outcome<'py> {
    Record(Bound<'py, PyAny>),
    Dropped,
    Opened(Open),
}

impl Pipeline {
    fn new(source: Source, steps: Vec<LoadedStep>) -> Self {
        Self { source, steps, open: Vec::new() }
    }

    /// The next record; `None` at the end.
    #[inline]
    pub(crate) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        'records: loop {
            let (mut at, mut record) = match self.open.last_mut() {
                None => match self.source.next(py)? {
                    Some(record) => (0, record),
                    None => return Ok(None),
                },
                Some(open) => match open.next(py) {
                    Ok(Some(record)) => (open.next, record),
                    Ok(None) => {
                        self.open.pop();
                        continue;
                    }
                    Err(error) => {
                        let step = open.next.saturating_sub(1);
                        let name = self.steps.get(step).map_or("", |step| step.name.as_str());
                        return Err(fault::named(py, error, name));
                    }
                },
            };
            while let Some(step) = self.steps.get(at) {
                at += 1;
                match step.take(&record, at) {
                    Ok(Outcome::Record(made)) => record = made,
                    Ok(Outcome::Dropped) => continue 'records,
                    Ok(Outcome::Opened(open)) => {
                        self.open.push(open);
                        continue 'records;
                    }
                    Err(error) => return Err(fault::at_record(py, error, &step.name, &record)),
                }
            }
            return Ok(Some(record));
        }
    }
}

impl Pipeline {
    /// Passes over so many records, and makes them only where their number is not known otherwise; how many there were.
    fn skip(&mut self, py: Python<'_>, count: u64) -> PyResult<u64> {
        if self.open.is_empty() && self.steps.iter().all(|step| step.action.makes_one_of_one()) {
            return self.source.skip(py, count);
        }
        for skipped in 0..count {
            if self.next(py)?.is_none() {
                return Ok(skipped);
            }
        }
        Ok(count)
    }
}

impl Open {
    fn new(next: usize, made: Bound<'_, PyAny>, key: Option<Py<PyAny>>) -> PyResult<Self> {
        let items = if made.is_exact_instance_of::<PyList>() {
            Items::List { list: made.cast_into::<PyList>()?.unbind(), next: 0 }
        } else {
            Items::Iterator(made.try_iter()?.unbind())
        };
        Ok(Self { next, items, key })
    }

    #[inline]
    fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let item = match &mut self.items {
            Items::List { list, next } => {
                let list = list.bind(py);
                if *next == list.len() {
                    return Ok(None);
                }
                *next += 1;
                list.get_item(*next - 1)?
            }
            Items::Iterator(iterator) => match iterator.bind(py).clone().next() {
                Some(item) => item?,
                None => return Ok(None),
            },
        };
        match &self.key {
            Some(key) => Ok(Some(pair(key.bind(py).clone(), item)?)),
            None => Ok(Some(item)),
        }
    }
}

impl LoadedStep {
    #[inline]
    fn take<'py>(&self, record: &Bound<'py, PyAny>, next: usize) -> PyResult<Outcome<'py>> {
        let py = record.py();
        let call = |argument: &Bound<'py, PyAny>| match &self.function {
            Some(function) => call1(function.bind(py), argument),
            None => Ok(argument.clone()),
        };
        Ok(match self.action {
            Action::Map => Outcome::Record(call(record)?),
            Action::Filter => {
                if call(record)?.is_truthy()? {
                    Outcome::Record(record.clone())
                } else {
                    Outcome::Dropped
                }
            }
            Action::FlatMap => Outcome::Opened(Open::new(next, call(record)?, None)?),
            Action::MapValues => {
                let (key, value) = parts(record)?;
                Outcome::Record(pair(key, call(&value)?)?)
            }
            Action::FlatMapValues => {
                let (key, value) = parts(record)?;
                Outcome::Opened(Open::new(next, call(&value)?, Some(key.unbind()))?)
            }
            Action::KeyBy => Outcome::Record(pair(call(record)?, record.clone())?),
            Action::Keys => Outcome::Record(parts(record)?.0),
            Action::Values => Outcome::Record(parts(record)?.1),
        })
    }
}

fn pair<'py>(first: Bound<'py, PyAny>, second: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Ok(PyTuple::new(first.py(), [first, second])?.into_any())
}

/// The key and the value of a pair: of anything that has a first and a second.
#[inline]
pub(crate) fn parts<'py>(record: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    match record.cast::<PyTuple>() {
        Ok(tuple) if tuple.len() == 2 => Ok((tuple.get_item(0)?, tuple.get_item(1)?)),
        _ => Ok((record.get_item(0)?, record.get_item(1)?)),
    }
}
