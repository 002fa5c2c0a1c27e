//! Naming where a function of the user's failed, on the exception itself.
//!
//! The note travels with the exception, so that one which the user catches takes its note along.
//! Holds: the first note stays: it is nearest to the fault.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The attribute of an exception: the name of the operator, and a short `repr` of the record or `None`.
const NOTE: &str = "__millstream_fault__";

/// Notes the operator.
#[cold]
pub(super) fn named(py: Python<'_>, error: PyErr, operator: &str) -> PyErr {
    note(py, error, operator, None)
}

/// Notes the operator and the record.
#[cold]
pub(super) fn at_record(py: Python<'_>, error: PyErr, operator: &str, record: &Bound<'_, PyAny>) -> PyErr {
    let shown = py
        .import("millstream._task")
        .and_then(|module| module.call_method1("shortened", (record,)))
        .and_then(|text| text.extract::<String>());
    note(py, error, operator, shown.ok())
}

fn note(py: Python<'_>, error: PyErr, operator: &str, record: Option<String>) -> PyErr {
    let exception = error.value(py);
    if !exception.hasattr(NOTE).unwrap_or(true)
        && let Ok(note) = (operator, record).into_pyobject(py).map(Bound::<PyTuple>::into_any)
    {
        // An exception with slots takes no note; then the place is not known.
        let _without_note = exception.setattr(NOTE, note);
    }
    error
}
