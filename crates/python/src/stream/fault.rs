//! What user code raised, as the failure of an operator.
//!
//! Answers for telling an exception of the user's from what went wrong around it, and for making the exception of the
//! program out of it again. Not for what is said: that is `millstream._stream.faults`.

use millstream_model::error::Failure;
use pyo3::prelude::*;

use crate::task::{Fault, described};

/// The exception as a fault of this subtask and attempt.
pub(super) fn fault(py: Python<'_>, error: &PyErr, subtask: u32, attempt: u64) -> Fault {
    Fault { partition: u64::from(subtask), attempt, ..described(py, error) }
}

/// The exception as the failure of a source.
pub(super) fn source_fault(
    py: Python<'_>,
    error: &PyErr,
    source: &str,
    subtask: u32,
    attempt: u64,
) -> Failure {
    let fault = fault(py, error, subtask, attempt);
    Failure::from(Fault { operator: fault.operator.or_else(|| Some(source.to_owned())), ..fault })
}

/// The failure as an exception: what user code raised, with where; or what else happened.
pub(crate) fn raised(failure: &Failure) -> PyErr {
    Python::attach(|py| {
        let module = "millstream._stream.faults";
        let made = match found(failure).or_else(|| told(failure.detail()?)) {
            Some(fault) => fault.exception(py, module, "user_error")?,
            None => {
                let said = (failure.to_string(), failure.is_cancelled());
                py.import(module)?.call_method1("engine_error", said)?
            }
        };
        Ok::<_, PyErr>(PyErr::from_value(made))
    })
    .unwrap_or_else(|error| error)
}

/// The fault that another process told of.
pub(crate) fn told(detail: &str) -> Option<Fault> {
    serde_json::from_str(detail).ok()
}

/// The fault behind a failure, however deep.
fn found(failure: &Failure) -> Option<Fault> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = failure.cause().map(|cause| cause as _);
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<Fault>() {
            return Some(fault.clone());
        }
        cause = match error.downcast_ref::<Failure>() {
            Some(failure) => failure.cause().map(|cause| cause as _),
            None => error.source(),
        };
    }
    None
}
