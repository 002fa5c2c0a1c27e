//! The Python object that a streaming program is, as the engine sees it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use millstream_runtime::microbatch::{BatchInfo, Input, Program, StreamingListener, Timeline};
use pyo3::call::PyCallArgs;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::failed;

/// A graph of Python: `begin()`, `process(time)`, `forget(time)`, and what inputs and listeners are told. Times are in
/// milliseconds.
pub(super) struct PyProgram {
    timeline: Timeline,
    /// Let go when the program has ended, as it holds on to the context that holds this.
    graph: Mutex<Option<Py<PyAny>>>,
    inputs: Mutex<Vec<Arc<dyn Input>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PyProgram {
    pub(super) fn new(graph: Py<PyAny>, timeline: Timeline) -> Self {
        Self { timeline, graph: Mutex::new(Some(graph)), inputs: Mutex::default() }
    }

    pub(super) fn add(&self, input: Arc<dyn Input>) {
        locked(&self.inputs).push(input);
    }

    /// Calls a method of the graph, if there still is one.
    pub(super) fn call<'py, A>(
        &self,
        py: Python<'py>,
        method: &str,
        arguments: A,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        A: PyCallArgs<'py>,
    {
        let graph = locked(&self.graph).as_ref().map(|graph| graph.clone_ref(py));
        match graph {
            Some(graph) => graph.bind(py).call_method1(method, arguments),
            None => Ok(py.None().into_bound(py)),
        }
    }

    /// What a method of the graph gives, for the engine's threads.
    pub(super) fn ask<T>(
        &self,
        method: &str,
        arguments: impl FnOnce(Python<'_>) -> PyResult<Py<PyTuple>>,
    ) -> Result<T>
    where
        T: for<'a, 'py> FromPyObject<'a, 'py, Error = PyErr>,
    {
        let asked = Python::attach(|py| self.call(py, method, arguments(py)?.into_bound(py))?.extract());
        asked.map_err(failed)
    }

    /// As [`PyProgram::call`], for the engine's threads.
    pub(super) fn tell(
        &self,
        method: &str,
        arguments: impl FnOnce(Python<'_>) -> PyResult<Py<PyTuple>>,
    ) -> Result<()> {
        let called = Python::attach(|py| {
            let arguments = arguments(py)?;
            self.call(py, method, arguments.into_bound(py)).map(drop)
        });
        called.map_err(failed)
    }
}

/// A time as Python gets it.
pub(super) fn only_time(py: Python<'_>, time: Timestamp) -> PyResult<Py<PyTuple>> {
    Ok((time.millis(),).into_pyobject(py)?.unbind())
}

impl Program for PyProgram {
    fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn begin(&self) -> Result<()> {
        self.tell("begin", |py| Ok(PyTuple::empty(py).unbind()))
    }

    fn inputs(&self) -> Vec<Arc<dyn Input>> {
        locked(&self.inputs).clone()
    }

    fn process(&self, time: Timestamp) -> Result<()> {
        self.tell("process", |py| only_time(py, time))
    }

    fn forget(&self, time: Timestamp) {
        if let Err(failure) = self.tell("forget", |py| only_time(py, time)) {
            tracing::error!(%failure, "the data sets of a batch cannot be let go");
        }
    }

    fn clear(&self) {
        let (graph, inputs) = (locked(&self.graph).take(), std::mem::take(&mut *locked(&self.inputs)));
        Python::attach(|_| drop(graph));
        drop(inputs);
    }

    fn carried(&self) -> Vec<String> {
        self.ask("carried", |py| Ok(PyTuple::empty(py).unbind())).unwrap_or_else(|failure| {
            tracing::error!(%failure, "the streams that are carried are not known");
            Vec::new()
        })
    }

    fn kept(&self, at: usize) -> Vec<Timestamp> {
        let times = self.ask("kept", |py| Ok((at,).into_pyobject(py)?.unbind()));
        let times: Vec<i64> = times.unwrap_or_else(|failure| {
            tracing::error!(%failure, "the data sets that are carried are not known");
            Vec::new()
        });
        times.into_iter().map(Timestamp::from_millis).collect()
    }

    fn save(&self, at: usize, time: Timestamp) -> Result<Vec<Vec<u8>>> {
        self.ask("save", |py| Ok((at, time.millis()).into_pyobject(py)?.unbind()))
    }

    fn restore(&self, at: usize, time: Timestamp, blocks: Vec<Vec<u8>>) -> Result<()> {
        self.tell("restore", |py| {
            let blocks: Vec<_> = blocks.iter().map(|block| PyBytes::new(py, block)).collect();
            Ok((at, time.millis(), blocks).into_pyobject(py)?.unbind())
        })
    }

    fn resumed(&self, zero: Timestamp, cut: Timestamp) {
        let told = self.tell("resumed", |py| Ok((zero.millis(), cut.millis()).into_pyobject(py)?.unbind()));
        if let Err(failure) = told {
            tracing::error!(%failure, "a program cannot be told that it goes on");
        }
    }
}

/// Tells the graph, which tells the listeners.
pub(super) struct Telling(pub(super) Arc<PyProgram>);

impl Telling {
    fn batch(&self, event: &str, batch: &BatchInfo) {
        let millis = |time: Option<Timestamp>| time.map(Timestamp::millis);
        self.event(|py| {
            let (time, submitted) = (batch.time.millis(), batch.submitted.millis());
            let told = (event, time, batch.records, submitted, millis(batch.started), millis(batch.ended));
            Ok(told.into_pyobject(py)?.unbind())
        });
    }

    fn receiver(&self, event: &str, name: &str, message: &str) {
        self.event(|py| Ok((event, name, message).into_pyobject(py)?.unbind()));
    }

    fn event(&self, arguments: impl FnOnce(Python<'_>) -> PyResult<Py<PyTuple>>) {
        if let Err(failure) = self.0.tell("listen", arguments) {
            tracing::error!(%failure, "a listener failed");
        }
    }
}

impl StreamingListener for Telling {
    fn on_batch_submitted(&self, batch: &BatchInfo) {
        self.batch("onBatchSubmitted", batch);
    }

    fn on_batch_started(&self, batch: &BatchInfo) {
        self.batch("onBatchStarted", batch);
    }

    fn on_batch_completed(&self, batch: &BatchInfo) {
        self.batch("onBatchCompleted", batch);
    }

    fn on_receiver_started(&self, receiver: &str) {
        self.receiver("onReceiverStarted", receiver, "");
    }

    fn on_receiver_stopped(&self, receiver: &str) {
        self.receiver("onReceiverStopped", receiver, "");
    }

    fn on_receiver_error(&self, receiver: &str, failure: &Failure) {
        self.receiver("onReceiverError", receiver, &failure.to_string());
    }
}
