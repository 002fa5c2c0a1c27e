//! One attempt at a task, in the interpreter that is at hand.
//!
//! Answers for everything that happens between a plan and its blocks, whichever process it is in: telling the Python
//! side that a task runs, and describing what it raised. Not for sending any of it.
//! Holds: whatever user code raises, `SystemExit` too, is a fault of the task and nothing else.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use millstream_dataflow::lineage::Properties;
use millstream_model::error::Failure;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::{Deserialize, Serialize};

use crate::host::{BlockError, Host};
use crate::pipeline::Loader;
use crate::plan::{BlockRef, Task};
use crate::sink;

/// The module of ours that a task talks to.
const HOOKS: &str = "millstream._task";

/// What a task left.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// One for each reducer, or one alone.
    pub(crate) blocks: Vec<Arc<Vec<u8>>>,
    /// What it added to accumulators, pickled; empty if nothing.
    pub(crate) updates: Vec<u8>,
}

/// What user code raised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fault {
    /// The exception, pickled in hexadecimal digits, where it can be.
    pub(crate) exception: Option<String>,
    /// As Python prints it, without the frames that are ours.
    pub(crate) traceback: String,
    pub(crate) operator: Option<String>,
    /// The record, shortened.
    pub(crate) record: Option<String>,
    pub(crate) partition: u64,
    /// From 0.
    pub(crate) attempt: u64,
    /// Whether it was the host that failed the task, which may do better the next time.
    pub(crate) may_retry: bool,
}

impl Fault {
    /// The exception that the program is told of it by, made by a function of our Python side.
    pub(crate) fn exception<'py>(
        &self,
        py: Python<'py>,
        module: &str,
        function: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let exception = self.exception.as_deref().map(|bytes| PyBytes::new(py, bytes.as_bytes()));
        let (operator, record) = (self.operator.as_deref(), self.record.as_deref());
        let parts = (exception, self.traceback.as_str(), operator, record, self.partition, self.attempt);
        py.import(module)?.call_method1(function, parts)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        if fault.may_retry {
            Self::external("a task could not get a block").because(fault)
        } else {
            let detail = serde_json::to_string(&fault).unwrap_or_default();
            Self::user("a function raised an exception").because(fault).with_detail(detail)
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.traceback.trim_end())
    }
}

impl Error for Fault {}

/// What user code may ask of the task it runs in.
#[pyclass(module = "millstream._native", frozen)]
struct RunningTask {
    host: Host,
    #[pyo3(get)]
    stage: u64,
    #[pyo3(get)]
    partition: u64,
    #[pyo3(get)]
    attempt: u64,
    #[pyo3(get)]
    id: u64,
    #[pyo3(get)]
    properties: Properties,
}

#[pymethods]
impl RunningTask {
    /// The pickled value of a broadcast variable.
    fn broadcast<'py>(&self, py: Python<'py>, number: u64) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.host.fetch(py, BlockRef::Broadcast(number))?;
        Ok(PyBytes::new(py, &bytes))
    }
}

/// Runs the task.
///
/// # Errors
/// What user code raised.
pub(crate) fn run(task: Task, attachments: &[Arc<Vec<u8>>], host: &Host) -> Result<Outcome, Fault> {
    Python::attach(|py| {
        let (partition, attempt) = (task.partition, task.attempt);
        attempt_in(py, task, attachments, host).map_err(|error| Fault {
            partition,
            attempt,
            may_retry: error.is_instance_of::<BlockError>(py),
            ..described(py, &error)
        })
    })
}

fn attempt_in(py: Python<'_>, task: Task, attachments: &[Arc<Vec<u8>>], host: &Host) -> PyResult<Outcome> {
    let hooks = py.import(HOOKS)?;
    let Task { stage, partition, attempt, id, properties, plan, sink } = task;
    let running = RunningTask { host: host.clone(), stage, partition, attempt, id, properties };
    hooks.call_method1("begin", (running,))?;
    let loader = Loader { host: host.clone(), attachments };
    let result = loader.pipeline(py, plan).and_then(|records| sink::drain(py, &loader, records, sink));
    let updates: Option<Vec<u8>> = hooks.call_method1("end", (result.is_ok(),))?.extract()?;
    Ok(Outcome { blocks: result?, updates: updates.unwrap_or_default() })
}

pub(crate) fn described(py: Python<'_>, error: &PyErr) -> Fault {
    let described = || {
        if let Some(traceback) = error.traceback(py) {
            // Before Python 3.12 an exception that was fetched does not know its traceback.
            error.value(py).setattr("__traceback__", traceback)?;
        }
        type Parts = (Option<String>, String, Option<String>, Option<String>);
        py.import(HOOKS)?.call_method1("described", (error.value(py),))?.extract::<Parts>()
    };
    match described() {
        Ok((exception, traceback, operator, record)) => {
            Fault { exception, traceback, operator, record, ..Fault::default() }
        }
        // An exception that cannot even be described: its type and message are left.
        Err(_) => Fault { traceback: error.to_string(), ..Fault::default() },
    }
}
