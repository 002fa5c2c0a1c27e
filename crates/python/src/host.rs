//! Whom a task asks for blocks: the driver's stores, next door or at the other end of a socket.

use std::sync::Arc;

use millstream_model::error::Failure;
use pyo3::create_exception;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::plan::BlockRef;

/// What is around a running task.
pub(crate) trait Hosting: Send + Sync {
    /// The bytes of a block.
    fn fetch(&self, block: BlockRef) -> Result<Arc<Vec<u8>>, Failure>;

    /// Takes a partition, given by the numbers of its data set and its own, that is to be kept.
    fn keep(&self, place: (u64, u64), block: Vec<u8>) -> Result<(), Failure>;
}

/// A host, as pipelines hold it.
#[derive(Clone)]
pub(crate) struct Host(Arc<dyn Hosting>);

impl Host {
    pub(crate) fn new(hosting: Arc<dyn Hosting>) -> Self {
        Self(hosting)
    }

    /// The bytes of a block; other threads have the interpreter while this waits.
    pub(crate) fn fetch(&self, py: Python<'_>, block: BlockRef) -> PyResult<Arc<Vec<u8>>> {
        py.detach(|| self.0.fetch(block)).map_err(raised)
    }

    pub(crate) fn keep(&self, py: Python<'_>, place: (u64, u64), block: Vec<u8>) -> PyResult<()> {
        py.detach(|| self.0.keep(place, block)).map_err(raised)
    }
}

create_exception!(
    millstream._native,
    BlockError,
    PyRuntimeError,
    "A block that a task reads is lost, or one that it made was not taken: another attempt may do better."
);

fn raised(failure: Failure) -> PyErr {
    if failure.may_retry() {
        BlockError::new_err(failure.to_string())
    } else {
        PyRuntimeError::new_err(failure.to_string())
    }
}
