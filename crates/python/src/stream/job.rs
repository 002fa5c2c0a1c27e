//! A running stream job, and what it leaves for the program, as Python sees them.
//!
//! Holds: the interpreter is free while something is waited for, and a signal is heard meanwhile.

use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use millstream_model::error::Failure;
use millstream_runtime::{JobHandle, JobStatus};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::collect::Collected;
use super::counts::Counted;
use super::fault::raised;
use super::here::Threads;

/// How long is waited at once for the end of a job: at first, and at most.
const FIRST_LOOK: Duration = Duration::from_micros(500);
const LAST_LOOK: Duration = Duration::from_millis(20);

/// How long it is waited for a chunk before signals are looked for.
const PATIENCE: Duration = Duration::from_millis(50);

/// A job that was started.
#[pyclass(name = "StreamJob", module = "millstream._native", frozen)]
pub(crate) struct PyStreamJob {
    /// Until it was waited for.
    handle: RwLock<Option<JobHandle>>,
    ended: RwLock<Option<JobStatus>>,
    threads: Threads,
    counted: Vec<Counted>,
}

impl PyStreamJob {
    pub(super) fn new(handle: JobHandle, threads: Threads, counted: Vec<Counted>) -> Self {
        Self { handle: RwLock::new(Some(handle)), ended: RwLock::new(None), threads, counted }
    }

    fn with<R>(&self, ask: impl FnOnce(&JobHandle) -> R) -> Option<R> {
        self.handle.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(ask)
    }

    fn current(&self) -> JobStatus {
        self.with(JobHandle::status)
            .or(*self.ended.read().unwrap_or_else(PoisonError::into_inner))
            .unwrap_or(JobStatus::Failed)
    }
}

#[pymethods]
impl PyStreamJob {
    /// `RUNNING`, `RESTARTING`, `FINISHED`, `CANCELED` or `FAILED`.
    fn status(&self) -> &'static str {
        match self.current() {
            JobStatus::Running => "RUNNING",
            JobStatus::Restarting => "RESTARTING",
            JobStatus::Finished => "FINISHED",
            JobStatus::Canceled => "CANCELED",
            JobStatus::Failed => "FAILED",
        }
    }

    /// Ends the job at once.
    fn cancel(&self, py: Python<'_>) {
        py.detach(|| {
            self.with(JobHandle::cancel);
            self.threads.interrupt();
        });
    }

    /// Ends the job in order.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.with(JobHandle::stop));
    }

    /// Takes a savepoint; gives its name.
    fn savepoint(&self, py: Python<'_>) -> PyResult<String> {
        let taken = py.detach(|| self.with(JobHandle::savepoint));
        let ended = || Failure::user("the job has ended; a savepoint is taken of a running job");
        taken.unwrap_or_else(|| Err(ended())).map_err(|failure| raised(&failure))
    }

    /// What has passed through each operator: its name, and how many records came in and went out, to each reader.
    fn metrics(&self) -> Vec<(String, u64, u64)> {
        self.counted.iter().map(Counted::read).collect()
    }

    /// How many records the sources have read.
    fn records_read(&self) -> u64 {
        self.counted.iter().filter(|one| one.is_source).map(|source| source.read().2).sum()
    }

    /// The plan in a few lines, for people.
    fn describe(&self) -> Option<String> {
        self.with(JobHandle::describe)
    }

    /// Waits for the end; gives the runtime in milliseconds, the restarts, whether it was stopped, and the checkpoints.
    /// `None` if it was waited for before.
    fn wait(&self, py: Python<'_>) -> PyResult<Option<(u64, u32, bool, u64)>> {
        let mut look = FIRST_LOOK;
        while matches!(self.current(), JobStatus::Running | JobStatus::Restarting) {
            py.detach(|| thread::sleep(look));
            look = (look * 2).min(LAST_LOOK);
            py.check_signals()?;
        }
        let Some(handle) = self.handle.write().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(None);
        };
        *self.ended.write().unwrap_or_else(PoisonError::into_inner) = Some(handle.status());
        let result = py.detach(|| handle.wait()).map_err(|failure| raised(&failure))?;
        let millis = u64::try_from(result.runtime.as_millis()).unwrap_or(u64::MAX);
        Ok(Some((millis, result.restarts, result.stopped, result.checkpoints)))
    }
}

/// The records that a job leaves for the program.
#[pyclass(name = "Collected", module = "millstream._native", frozen)]
pub(crate) struct PyCollected(pub(super) Arc<Collected>);

#[pymethods]
impl PyCollected {
    /// The next records; an empty list if none came for a while.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let taken = py.detach(|| self.0.take(PATIENCE));
        py.check_signals()?;
        taken.map_or_else(|| Ok(PyList::empty(py)), |chunk| chunk.records().list(py))
    }

    /// Whether something is there at once.
    fn take_now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let taken = py.detach(|| self.0.take(Duration::ZERO));
        taken.map(|chunk| chunk.records().list(py)).transpose()
    }

    /// Lets everything go that comes from now on.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}
