//! A pipeline as a Python iterator: what `mapPartitions` hands to the user's function.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use super::Pipeline;

/// The records of a partition.
#[pyclass(module = "millstream._native")]
pub(crate) struct Records {
    /// Never waited for: the interpreter lends the iterator to one thread at a time.
    pipeline: Mutex<Pipeline>,
    ended: bool,
}

impl Records {
    pub(crate) fn new(pipeline: Pipeline) -> Self {
        Self { pipeline: Mutex::new(pipeline), ended: false }
    }
}

#[pymethods]
impl Records {
    fn __iter__(records: PyRef<'_, Self>) -> PyRef<'_, Self> {
        records
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.ended {
            return Ok(None);
        }
        let next = self.pipeline.get_mut().unwrap_or_else(PoisonError::into_inner).next(py)?;
        self.ended = next.is_none();
        Ok(next)
    }
}
