//! Keys that are Python objects, numbered in the order in which they are first met.
//!
//! As long as all are text, or all are numbers of 64 bits, they lie in tables of ours ([`super::numbered`]); the first of
//! another type moves all into a dictionary.
//!
//! Holds: keys are told apart as a dictionary does: `1`, `1.0` and `True` are one key.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyString};

use super::numbered::{Full, Ints, Texts};
use crate::calls::utf8;

/// Numbers for keys.
#[derive(Default)]
pub(super) enum Keys {
    #[default]
    None,
    Texts(Texts),
    Ints(Ints),
    /// The number of each key, and the keys by their numbers.
    Any(Py<PyDict>, Vec<Py<PyAny>>),
}

/// What a key is to a table.
enum Plain<'a> {
    Text(&'a [u8]),
    Int(i64),
    Other,
}

#[inline]
fn plain<'a>(key: &'a Bound<'_, PyAny>) -> Plain<'a> {
    if let Ok(text) = key.cast_exact::<PyString>() {
        return utf8(text).map_or(Plain::Other, |text| Plain::Text(text.as_bytes()));
    }
    if key.is_exact_instance_of::<PyInt>() {
        return key.extract().map_or(Plain::Other, Plain::Int);
    }
    Plain::Other
}

fn full(_: Full) -> PyErr {
    PyMemoryError::new_err("a task has met more different keys than it can number: 4 billion")
}

fn number_of_any(
    numbers: &Bound<'_, PyDict>,
    keys: &mut Vec<Py<PyAny>>,
    key: &Bound<'_, PyAny>,
) -> PyResult<usize> {
    if let Some(number) = numbers.get_item(key)? {
        return number.extract();
    }
    numbers.set_item(key, keys.len())?;
    keys.push(key.clone().unbind());
    Ok(keys.len() - 1)
}

impl Keys {
    /// The number of a key.
    #[inline]
    pub(super) fn number(&mut self, key: &Bound<'_, PyAny>) -> PyResult<usize> {
        if let Self::Any(numbers, keys) = self {
            return number_of_any(numbers.bind(key.py()), keys, key);
        }
        match (&mut *self, plain(key)) {
            (Self::Texts(texts), Plain::Text(text)) => return texts.number(text).map_err(full),
            (Self::Ints(ints), Plain::Int(int)) => return ints.number(int).map_err(full),
            (Self::None, Plain::Text(_)) => *self = Self::Texts(Texts::default()),
            (Self::None, Plain::Int(_)) => *self = Self::Ints(Ints::default()),
            _ => self.become_any(key.py())?,
        }
        self.number(key)
    }

    /// Moves all keys into a dictionary.
    #[cold]
    fn become_any(&mut self, py: Python<'_>) -> PyResult<()> {
        let numbers = PyDict::new(py);
        let mut keys = Vec::with_capacity(self.len());
        for number in 0..self.len() {
            let key = self.key(py, number)?;
            numbers.set_item(&key, number)?;
            keys.push(key.unbind());
        }
        *self = Self::Any(numbers.unbind(), keys);
        Ok(())
    }

    /// The key of a number that was given.
    pub(super) fn key<'py>(&self, py: Python<'py>, number: usize) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self {
            Self::None => py.None().into_bound(py),
            Self::Texts(texts) => PyString::from_bytes(py, texts.key(number))?.into_any(),
            Self::Ints(ints) => PyInt::new(py, ints.key(number)).into_any(),
            Self::Any(_, keys) => {
                keys.get(number).map_or_else(|| py.None().into_bound(py), |key| key.bind(py).clone())
            }
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Texts(texts) => texts.len(),
            Self::Ints(ints) => ints.len(),
            Self::Any(_, keys) => keys.len(),
        }
    }
}
