//! A stretch in this interpreter: records by reference.
//!
//! Holds: the interpreter is let go while what was emitted is handed on, since that may have to wait.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use millstream_dataflow::graph::SharedSides;
use millstream_model::error::{Failure, Result};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::chunk::{Chunk, Values};
use super::counts::Passed;
use super::fault::fault;
use super::keyed::Keyed;
use super::seat::{Call, Emitted, Given, Reply, exit_tag, hand_on, lending, lent};
use super::stretch::Setting;
use crate::calls;

/// The threads of this process that run stretches, as Python numbers them.
#[derive(Clone, Default)]
pub(super) struct Threads(Arc<Mutex<Vec<u64>>>);

impl Threads {
    /// Interrupts whatever Python runs in them.
    pub(super) fn interrupt(&self) {
        let threads = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !threads.is_empty() {
            Python::attach(|py| threads.iter().for_each(|&thread| calls::interrupt(py, thread)));
        }
    }

    pub(super) fn running<R>(&self, py: Python<'_>, run: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
        let thread: u64 = py.import("threading")?.call_method0("get_ident")?.extract()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        let result = run();
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = threads.iter().position(|known| *known == thread) {
            threads.swap_remove(at);
        }
        result
    }
}

/// A stretch's object.
pub(super) struct Here {
    stretch: Py<PyAny>,
    threads: Threads,
    subtask: u32,
    attempt: u64,
}

impl Here {
    /// Makes the stretch and gives it its state.
    pub(super) fn open(
        setting: &Setting,
        keyed: Option<&Keyed>,
        threads: Threads,
        passed: Arc<Passed>,
    ) -> Result<Self> {
        let (subtask, attempt) = (setting.subtask.index, setting.attempt);
        Python::attach(|py| {
            let entries = keyed.map(|keyed| keyed.entries(py)).transpose()?;
            let stretch = made(py, setting, entries, Bound::new(py, Out(passed))?.into_any());
            let stretch = stretch
                .map_err(|error| (error, py))
                .map_err(|(error, py)| Opened::Fault(Failure::from(fault(py, &error, subtask, attempt))))?;
            Ok(Self { stretch: stretch.unbind(), threads, subtask, attempt })
        })
        .map_err(Opened::into_failure)
    }

    pub(super) fn call(&mut self, call: Call, given: Given<'_>, sides: &SharedSides) -> Result<Reply> {
        let (subtask, attempt) = (self.subtask, self.attempt);
        let (stretch, threads) = (&self.stretch, &self.threads);
        lending(sides, || {
            Python::attach(|py| {
                let result = threads.running(py, || {
                    let given = match given {
                        Given::Nothing => Carried::Nothing,
                        Given::Chunk(chunk) => {
                            let times = chunk.times().map(|times| times.list(py)).transpose()?;
                            Carried::Records(chunk.records().list(py)?, times)
                        }
                        Given::Timers(timers) => Carried::Timers(timer_list(py, timers)?),
                    };
                    called(stretch.bind(py), call, given)
                });
                result.map_err(|error| downstream_or_fault(py, &error, subtask, attempt))
            })
        })
    }
}

/// Why a stretch could not be opened.
enum Opened {
    Python(PyErr),
    Fault(Failure),
}

impl From<PyErr> for Opened {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl Opened {
    fn into_failure(self) -> Failure {
        match self {
            Self::Python(error) => Failure::internal("a stretch cannot be given its state").because(error),
            Self::Fault(failure) => failure,
        }
    }
}

/// The object of a stretch, as `millstream._stream.stretch` makes it.
pub(super) fn made<'py>(
    py: Python<'py>,
    setting: &Setting,
    entries: Option<Bound<'py, PyList>>,
    out: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let place = (
        setting.subtask.index,
        setting.subtask.of,
        setting.attempt,
        setting.max_parallelism,
        setting.is_batch,
        setting.watermark,
    );
    let spec = PyBytes::new(py, &setting.spec);
    py.import("millstream._stream.stretch")?.call_method1("opened", (spec, place, entries, out))
}

/// What goes along with a call, as Python sees it.
pub(super) enum Carried<'py> {
    Nothing,
    Records(Bound<'py, PyList>, Option<Bound<'py, PyList>>),
    Timers(Bound<'py, PyList>),
}

/// Calls a stretch.
pub(super) fn called(stretch: &Bound<'_, PyAny>, call: Call, carried: Carried<'_>) -> PyResult<Reply> {
    let reply = match (call, carried) {
        (Call::Batch { input }, Carried::Records(records, times)) => {
            stretch.call_method1("batch", (input, records, times))?
        }
        (Call::Watermark(time), Carried::Timers(due)) => stretch.call_method1("watermark", (time, due))?,
        (Call::Tick(now), Carried::Timers(due)) => stretch.call_method1("tick", (now, due))?,
        (Call::Idle, _) => stretch.call_method0("idle")?,
        (Call::End, _) => stretch.call_method0("end")?,
        (Call::Snapshot, _) => stretch.call_method0("snapshot")?,
        (Call::Close, _) => stretch.call_method0("close")?,
        _ => return Err(PyRuntimeError::new_err("a stretch was called without what belongs to the call")),
    };
    if reply.is_none() {
        return Ok(Reply::default());
    }
    let (timers, wake, entries) = reply.extract::<(Option<Py<PyList>>, Option<i64>, Option<Py<PyList>>)>()?;
    Ok(Reply { timers, entries, wake })
}

/// Timers that fire: pickled key and time of each.
pub(super) fn timer_list(py: Python<'_>, timers: Vec<(Vec<u8>, i64)>) -> PyResult<Bound<'_, PyList>> {
    PyList::new(py, timers.iter().map(|(key, time)| (PyBytes::new(py, key), *time)))
}

/// Where a stretch of this process emits.
#[pyclass(module = "millstream._native", frozen)]
struct Out(Arc<Passed>);

#[pymethods]
impl Out {
    /// Emits records, with their times where they have any, into an exit, for a subtask behind it.
    fn emit(
        &self,
        py: Python<'_>,
        exit: u16,
        target: u16,
        input: u8,
        records: Py<PyList>,
        times: Option<Py<PyList>>,
    ) -> PyResult<()> {
        let rows = records.bind(py).len();
        let chunk = Chunk::new(Values::Here(records), rows, times.map(Values::Here), target, input);
        self.0.went(rows);
        py.detach(|| {
            let sides = lent()?;
            sides.borrow_mut().emit(&exit_tag(exit), chunk, None)?;
            sides.borrow_mut().flush(&exit_tag(exit))
        })
        .map_err(handed_back)
    }

    fn watermark(&self, py: Python<'_>, exit: u16, time: i64) -> PyResult<()> {
        py.detach(|| hand_on(Emitted::Watermark { exit, time }, &lent()?)).map_err(handed_back)
    }

    fn idle(&self, py: Python<'_>, exit: u16) -> PyResult<()> {
        py.detach(|| hand_on(Emitted::Idle { exit }, &lent()?)).map_err(handed_back)
    }
}

/// The failure of an operator further down, on its way through Python.
#[pyclass(module = "millstream._native", frozen)]
struct Downstream(Mutex<Option<Failure>>);

fn handed_back(failure: Failure) -> PyErr {
    let held = Downstream(Mutex::new(Some(failure)));
    Python::attach(|py| match Bound::new(py, held) {
        Ok(held) => PyRuntimeError::new_err(held.into_any().unbind()),
        Err(error) => error,
    })
}

/// The failure that came through Python from further down, or the exception as a fault of the stretch.
fn downstream_or_fault(py: Python<'_>, error: &PyErr, subtask: u32, attempt: u64) -> Failure {
    let argument = error.value(py).getattr("args").and_then(|arguments| arguments.get_item(0));
    if let Ok(argument) = argument
        && let Ok(held) = argument.cast::<Downstream>()
        && let Some(failure) = held.get().0.lock().unwrap_or_else(PoisonError::into_inner).take()
    {
        return failure;
    }
    Failure::from(fault(py, error, subtask, attempt))
}
