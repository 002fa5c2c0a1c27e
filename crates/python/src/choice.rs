//! Which reducer gets a record.
//!
//! Answers for a number below that of the reducers. Not for sending it.

use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

use crate::calls::{call1, utf8};
use crate::hash::portable_hash;
use crate::pipeline::{Loader, parts};
use crate::plan::{Cuts, Partitioner};

/// How a reducer is chosen, with the function at hand.
pub(crate) enum Choice {
    Hash,
    Range { function: Py<PyAny>, cuts: Cuts, ascending: bool },
    Function(Py<PyAny>),
    Turns(u64),
}

impl Choice {
    pub(crate) fn of(py: Python<'_>, loader: &Loader<'_>, partitioner: Partitioner) -> PyResult<Self> {
        Ok(match partitioner {
            Partitioner::Hash => Self::Hash,
            Partitioner::Range { function, cuts, ascending } => {
                Self::Range { function: loader.function(py, function)?, cuts, ascending }
            }
            Partitioner::Function(at) => Self::Function(loader.function(py, at)?),
            Partitioner::Turns(first) => Self::Turns(first),
        })
    }

    /// The reducer of a record, of `count`.
    #[inline]
    pub(crate) fn reducer(&mut self, record: &Bound<'_, PyAny>, count: i64) -> PyResult<usize> {
        let number = match self {
            Self::Hash => portable_hash(&parts(record)?.0)?.rem_euclid(count),
            Self::Range { function, cuts, ascending } => {
                let (key, _) = parts(record)?;
                match cuts.position(&key) {
                    Some(at) if *ascending => at as i64 % count,
                    Some(at) => (cuts.len() - at) as i64 % count,
                    None => called(function.bind(record.py()), &key, count)?,
                }
            }
            Self::Function(function) => called(function.bind(record.py()), &parts(record)?.0, count)?,
            Self::Turns(next) => {
                *next += 1;
                ((*next - 1) % count.unsigned_abs()).cast_signed()
            }
        };
        Ok(number as usize)
    }
}

/// What a function makes of a key, modulo `count`.
fn called(function: &Bound<'_, PyAny>, key: &Bound<'_, PyAny>, count: i64) -> PyResult<i64> {
    let made = call1(function, key)?;
    if made.is_exact_instance_of::<PyInt>()
        && let Ok(number) = made.extract::<i64>()
    {
        return Ok(number.rem_euclid(count));
    }
    Ok(made.call_method1("__mod__", (count,))?.extract::<i64>()?.rem_euclid(count))
}

impl Cuts {
    fn len(&self) -> usize {
        match self {
            Self::Ints(cuts) => cuts.len(),
            Self::Texts(cuts) => cuts.len(),
        }
    }

    /// How many cuts are less than a key; `None` if it is of another type.
    #[inline]
    fn position(&self, key: &Bound<'_, PyAny>) -> Option<usize> {
        match self {
            Self::Ints(cuts) if key.is_exact_instance_of::<PyInt>() => {
                let key = key.extract::<i64>().ok()?;
                Some(cuts.partition_point(|cut| *cut < key))
            }
            // UTF-8 has the order of code points, which is that of `str`.
            Self::Texts(cuts) => {
                let key = utf8(key.cast_exact::<PyString>().ok()?)?;
                Some(cuts.partition_point(|cut| cut.as_str() < key))
            }
            Self::Ints(_) => None,
        }
    }
}
