//! Streaming programs whose batches are computed in Python.
//!
//! The clock, the queue of batches, the receivers and their bounds are the engine's, as they are for Rust's DStreams. What a
//! batch is made into is a graph of Python objects: it is told what was taken in, then asked to process the batch.
//!
//! Answers for carrying these calls over, and exceptions back. Not for what the graph does with them.
//! Holds: no lock is held while Python runs, and the interpreter is let go wherever something is waited for.

mod batches;
mod inputs;
mod kafka;
mod program;

pub(crate) use batches::PyBatches;
pub(crate) use kafka::{PyKafkaRanges, PyRangeCutter, PyRangeReader};

use millstream_model::error::Failure;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// An exception as what ends a program.
fn failed(error: PyErr) -> Failure {
    Failure::user("the program raised an exception").because(error)
}

/// What ended a program as an exception: the one that the program raised, if it did.
fn raised(failure: Failure) -> PyErr {
    let mut cause = failure.cause();
    while let Some(error) = cause {
        if let Some(exception) = error.downcast_ref::<PyErr>() {
            return Python::attach(|py| exception.clone_ref(py));
        }
        cause = error.downcast_ref::<Failure>().and_then(Failure::cause);
    }
    PyRuntimeError::new_err(failure.to_string())
}
