//! The handle of a streaming program in Python.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millstream_connectors::tcp::Reconnect;
use millstream_model::time::Timestamp;
use millstream_runtime::microbatch::{
    Batches, Begin, CheckpointPlan, Clock, HoldLimits, ManualClock, Phase, Stop, Termination, Timeline,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::inputs::{self, Own, Planned};
use super::program::{PyProgram, Telling};
use super::raised;
use crate::driver::{Engine, LOOK, PyEngine};

/// Cuts a stream into batches and has a graph of Python objects process them.
#[pyclass(name = "Batches", module = "millstream._native", frozen)]
pub(crate) struct PyBatches {
    engine: Arc<Engine>,
    program: Arc<PyProgram>,
    batches: Arc<Batches>,
    manual: Option<ManualClock>,
    limits: HoldLimits,
    reconnect: Reconnect,
}

#[pymethods]
impl PyBatches {
    /// Batches of `interval` milliseconds for `graph`; at most `queued` wait, each receiver holds at most so many
    /// records and bytes, and connects as often as `attempts` says. `now` is what a clock shows at first that is moved by
    /// hand.
    #[new]
    #[pyo3(signature = (engine, graph, interval, queued, records, bytes, attempts, now=None))]
    #[allow(
        clippy::too_many_arguments,
        reason = "Python gives them by name, in the one place that calls this"
    )]
    fn new(
        engine: &PyEngine,
        graph: Py<PyAny>,
        interval: u64,
        queued: usize,
        records: usize,
        bytes: usize,
        attempts: u32,
        now: Option<i64>,
    ) -> PyResult<Self> {
        let timeline = Timeline::new(Duration::from_millis(interval));
        timeline.check().map_err(raised)?;
        let program = Arc::new(PyProgram::new(graph, timeline));
        let manual = now.map(|now| ManualClock::new(Timestamp::from_millis(now)));
        let clock = manual.as_ref().map_or_else(Clock::default, ManualClock::clock);
        let batches = Arc::new(Batches::new(Arc::clone(&program) as Arc<_>, clock, queued));
        batches.add_listener(Arc::new(Telling(Arc::clone(&program))));
        Ok(Self {
            engine: Arc::clone(&engine.0),
            program,
            batches,
            manual,
            limits: HoldLimits { records, bytes },
            reconnect: Reconnect { attempts, ..Reconnect::default() },
        })
    }

    /// Input number `number`: the lines of a socket.
    fn socket(&self, number: usize, address: String) {
        let (limits, reconnect) = (self.limits, self.reconnect);
        self.program.add(inputs::socket(&self.program, &self.engine, number, address, limits, reconnect));
    }

    /// Input number `number`: the files that appear in a folder.
    fn new_files(&self, number: usize, folder: &str) {
        self.program.add(inputs::new_files(&self.program, number, folder));
    }

    /// Input number `number`: what the graph has itself.
    fn own(&self, number: usize) {
        self.program.add(Arc::new(Own { program: Arc::clone(&self.program), number }));
    }

    /// Input number `number`, called `name`: the graph says what its batches are made of, and logs it.
    fn planned(&self, number: usize, name: String) {
        self.program.add(Arc::new(Planned { program: Arc::clone(&self.program), number, name }));
    }

    /// Has the program checkpointed in `folder`: what is carried each `every` milliseconds, or with each batch. It goes on
    /// where an earlier process was left if `resume` says so.
    fn checkpoint(&self, folder: PathBuf, every: u64, resume: bool) {
        let begin = if resume { Begin::WhereLeft } else { Begin::Anew };
        self.batches.checkpoint(CheckpointPlan { folder, every: Duration::from_millis(every), begin });
    }

    /// Starts to receive and to cut batches.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.batches.start()).map_err(raised)
    }

    /// Asks for the end, and returns at once.
    fn stop(&self, py: Python<'_>, gracefully: bool) {
        py.detach(|| self.batches.stop(if gracefully { Stop::Gracefully } else { Stop::Now }));
    }

    /// Waits for the end, so many seconds at most; whether it came. Raises what ended the program. Signals are looked for.
    #[pyo3(signature = (seconds=None))]
    fn wait(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<bool> {
        let mut left =
            seconds.map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX));
        loop {
            let patience = left.map_or(LOOK, |left| left.min(LOOK));
            let ended = py.detach(|| self.batches.progress.wait_for_end(Some(patience))).map_err(raised)?;
            if ended == Termination::Ended {
                return Ok(true);
            }
            py.check_signals()?;
            left = left.map(|left| left.saturating_sub(patience));
            if left == Some(Duration::ZERO) {
                return Ok(false);
            }
        }
    }

    /// Waits until so many batches are done.
    fn wait_for_batches(&self, py: Python<'_>, count: u64) -> PyResult<()> {
        py.detach(|| self.batches.progress.wait_for_batches(count)).map_err(raised)
    }

    /// Moves the clock, if it is one that is moved by hand.
    fn advance(&self, py: Python<'_>, millis: u64) {
        if let Some(clock) = &self.manual {
            py.detach(|| clock.advance(Duration::from_millis(millis)));
        }
    }

    /// Whether the caller is one of the program's own threads, which cannot wait for its end.
    #[staticmethod]
    fn is_inside() -> bool {
        Batches::is_inside()
    }

    /// How it does: the phase, batches that wait and that are done, records of receivers, and each receiver.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let status = py.detach(|| self.batches.status());
        let told = PyDict::new(py);
        let phase = match status.phase {
            Phase::Ready => "ready",
            Phase::Running => "running",
            Phase::Stopping => "stopping",
            Phase::Stopped => "stopped",
        };
        told.set_item("phase", phase)?;
        told.set_item("queued_batches", status.queued_batches)?;
        told.set_item("processing", status.processing.map(|batch| batch.time.millis()))?;
        told.set_item("completed_batches", status.completed_batches)?;
        told.set_item("completed_records", status.completed_records)?;
        let receivers = status.receivers.into_iter().map(|receiver| {
            let told = PyDict::new(py);
            told.set_item("name", receiver.name)?;
            told.set_item("active", receiver.active)?;
            told.set_item("waits", receiver.waits)?;
            told.set_item("records_received", receiver.records_received)?;
            told.set_item("records_held", receiver.records_held)?;
            told.set_item("most_records_held", receiver.most_records_held)?;
            Ok(told)
        });
        told.set_item("receivers", receivers.collect::<PyResult<Vec<_>>>()?)?;
        Ok(told)
    }
}
