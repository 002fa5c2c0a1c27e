//! Pairs in the order of their keys.
//!
//! Where all keys are numbers, or all are text, they are compared without Python; else by a list's own `sort`.
//! Holds: pairs with equal keys stay in the order in which they came, in a descending sort too.

use std::cmp::Ordering;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{Pipeline, fault, parts};
use crate::calls::call1;
use crate::column::{Chunk, Place};
use crate::pipeline::source::Blocks;

/// What is sorted.
pub(super) enum Input {
    /// Blocks as they were written, by their keys themselves.
    Blocks(Blocks),
    /// Pairs, by what a function makes of their keys.
    Pairs(Pipeline, Option<Py<PyAny>>),
}

/// How many rows are brought together at a time.
const WINDOW: usize = 4096;

/// Rows by their number.
enum Sorted {
    Not(Input),
    Rows(Rows),
    List(Py<PyList>),
    Done,
}

/// Rows of chunks in an order.
struct Rows {
    chunks: Vec<Chunk>,
    order: Vec<Place>,
    /// The rows from this number on, in their order, where they could be brought together.
    window: Option<Chunk>,
    start: usize,
}

impl Rows {
    fn new(chunks: Vec<Chunk>, order: Vec<Place>) -> Self {
        Self { chunks, order, window: None, start: 0 }
    }

    fn get<'py>(&mut self, py: Python<'py>, at: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(&(chunk, row)) = self.order.get(at) else { return Ok(None) };
        if at.is_multiple_of(WINDOW) {
            let places = self.order.get(at..self.order.len().min(at + WINDOW)).unwrap_or_default();
            (self.window, self.start) = (Chunk::gathered(py, &self.chunks, places), at);
        }
        match &self.window {
            Some(window) => window.get(py, at - self.start).map(Some),
            None => self.chunks[chunk as usize].get(py, row as usize).map(Some),
        }
    }
}

/// Sorts when it is first asked.
pub(super) struct Sort {
    sorted: Sorted,
    ascending: bool,
    next: usize,
}

impl Sort {
    pub(super) fn new(input: Input, ascending: bool) -> Self {
        Self { sorted: Sorted::Not(input), ascending, next: 0 }
    }

    pub(super) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if matches!(self.sorted, Sorted::Not(_))
            && let Sorted::Not(input) = std::mem::replace(&mut self.sorted, Sorted::Done)
        {
            self.sorted = self.sort(py, input).map_err(|error| fault::named(py, error, "sortByKey"))?;
        }
        let at = self.next;
        self.next += 1;
        match &mut self.sorted {
            Sorted::Rows(rows) => rows.get(py, at),
            Sorted::List(list) if at < list.bind(py).len() => list.bind(py).get_item(at).map(Some),
            _ => Ok(None),
        }
    }

    fn sort(&self, py: Python<'_>, input: Input) -> PyResult<Sorted> {
        let (list, key) = match input {
            Input::Blocks(mut blocks) => {
                let mut chunks = Vec::new();
                while let Some(chunk) = blocks.next_chunk(py)? {
                    chunks.push(chunk);
                }
                if let Some(order) = self.order(py, &chunks) {
                    return Ok(Sorted::Rows(Rows::new(chunks, order)));
                }
                let list = PyList::empty(py);
                for chunk in &chunks {
                    (0..chunk.rows()).try_for_each(|row| list.append(chunk.get(py, row)?))?;
                }
                (list, None)
            }
            Input::Pairs(mut pairs, key) => {
                let list = PyList::empty(py);
                while let Some(record) = pairs.next(py)? {
                    list.append(record)?;
                }
                (list, key)
            }
        };
        let options = PyDict::new(py);
        options.set_item("key", Bound::new(py, KeyOf(key))?)?;
        options.set_item("reverse", !self.ascending)?;
        list.call_method("sort", (), Some(&options))?;
        Ok(Sorted::List(list.unbind()))
    }

    /// The order of rows whose keys can be compared without Python.
    fn order(&self, py: Python<'_>, chunks: &[Chunk]) -> Option<Vec<Place>> {
        let all = |known: fn(&Chunk) -> bool| chunks.iter().all(|chunk| chunk.rows() == 0 || known(chunk));
        if all(|chunk| chunk.int_key(0).is_some()) {
            let mut keys = keys(chunks, Chunk::int_key)?;
            let ascending = self.ascending;
            py.detach(|| sort_keys(&mut keys, ascending));
            return Some(keys.into_iter().map(|(_, place)| place).collect());
        }
        if all(|chunk| chunk.text_key(0).is_some()) {
            let mut keys = keys(chunks, Chunk::text_key)?;
            sort_keys(&mut keys, self.ascending);
            return Some(keys.into_iter().map(|(_, place)| place).collect());
        }
        None
    }
}

fn sort_keys<K: Ord>(keys: &mut [(K, Place)], ascending: bool) {
    let order: fn(&K, &K) -> Ordering = if ascending { |a, b| a.cmp(b) } else { |a, b| b.cmp(a) };
    keys.sort_by(|(a, _), (b, _)| order(a, b));
}

/// All keys with the places of their rows; `None` if there are too many chunks to number.
fn keys<'a, K>(chunks: &'a [Chunk], key: impl Fn(&'a Chunk, usize) -> Option<K>) -> Option<Vec<(K, Place)>> {
    let mut keys = Vec::with_capacity(chunks.iter().map(Chunk::rows).sum());
    for (number, chunk) in chunks.iter().enumerate() {
        let number = u32::try_from(number).ok()?;
        for row in 0..chunk.rows() {
            keys.push((key(chunk, row)?, (number, u32::try_from(row).ok()?)));
        }
    }
    Some(keys)
}

/// What a pair is sorted by.
#[pyclass(module = "millstream._native")]
struct KeyOf(Option<Py<PyAny>>);

#[pymethods]
impl KeyOf {
    fn __call__<'py>(&self, pair: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (key, _) = parts(pair)?;
        match &self.0 {
            Some(function) => call1(function.bind(pair.py()), &key),
            None => Ok(key),
        }
    }
}
