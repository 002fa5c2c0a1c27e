//! A cluster as Python sees it: from outside, as a client of its job manager; and from inside, in a process of a job.
//!
//! Answers for requests and for what is known of this process's role. Not for plans, nor for what is shown of a job: that is
//! `millstream._cluster`.
//! Holds: the interpreter is free while an answer is waited for.

use std::path::PathBuf;
use std::time::Duration;

use millstream_cli::Access;
use millstream_cluster::client::Client;
use millstream_cluster::dispatcher::JobId;
use millstream_model::error::{Failure, Result};
use millstream_runtime::site::{self, Standing};
use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use serde::Serialize;

use crate::stream::{raised, told};

/// A job manager that is asked.
#[pyclass(name = "Cluster", module = "millstream._native", frozen)]
pub(crate) struct PyCluster(Client);

/// What was not done: nobody answered, or it was refused.
fn refused(failure: &Failure) -> PyErr {
    if failure.may_retry() {
        PyConnectionError::new_err(failure.to_string())
    } else {
        PyRuntimeError::new_err(failure.to_string())
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Failure::internal("an answer cannot be written").because(error))
}

impl PyCluster {
    fn ask<T: Send>(&self, py: Python<'_>, ask: impl FnOnce(&Client) -> Result<T> + Send) -> PyResult<T> {
        py.detach(|| ask(&self.0)).map_err(|failure| refused(&failure))
    }

    fn of<T: Send>(
        &self,
        py: Python<'_>,
        job: &str,
        ask: impl FnOnce(&Client, JobId) -> Result<T> + Send,
    ) -> PyResult<T> {
        let job: JobId = job.parse().map_err(|error: String| PyValueError::new_err(error))?;
        self.ask(py, |client| ask(client, job))
    }
}

#[pymethods]
impl PyCluster {
    /// The one whose REST interface is at `master`, with the file of its token and the folder of certificates to show it.
    #[new]
    #[pyo3(signature = (master, token_file=None, tls=None))]
    fn new(master: &str, token_file: Option<PathBuf>, tls: Option<PathBuf>) -> PyResult<Self> {
        let client = Access { token_file, tls }.client(master);
        client.map(Self).map_err(|failure| PyValueError::new_err(failure.to_string()))
    }

    /// Makes sure that a file is there; gives its hash.
    fn upload(&self, py: Python<'_>, file: PathBuf) -> PyResult<String> {
        self.ask(py, |client| client.upload(&file))
    }

    /// Has a program run, told as JSON; gives the job's name.
    fn submit(&self, py: Python<'_>, submission: &str) -> PyResult<String> {
        let submission =
            serde_json::from_str(submission).map_err(|error| PyValueError::new_err(error.to_string()))?;
        self.ask(py, |client| client.submit(&submission)).map(|job| job.to_string())
    }

    /// How many slots there are.
    fn slots(&self, py: Python<'_>) -> PyResult<u32> {
        self.ask(py, Client::overview).map(|overview| overview.slots)
    }

    /// All about a job, as JSON.
    fn job(&self, py: Python<'_>, job: &str) -> PyResult<String> {
        self.of(py, job, |client, job| client.job(job).and_then(|view| json(&view)))
    }

    /// What it printed, from this place on, as JSON; waits for a line for up to so many milliseconds.
    fn output(&self, py: Python<'_>, job: &str, from: u64, wait: u64) -> PyResult<String> {
        let wait = Duration::from_millis(wait);
        self.of(py, job, |client, job| client.output(job, from, wait).and_then(|page| json(&page)))
    }

    /// Ends it at once.
    fn cancel(&self, py: Python<'_>, job: &str) -> PyResult<String> {
        self.of(py, job, Client::cancel)
    }

    /// Ends it in order; with `savepoint` the answer is its name.
    fn stop(&self, py: Python<'_>, job: &str, savepoint: bool) -> PyResult<String> {
        self.of(py, job, |client, job| client.stop(job, savepoint))
    }

    /// Takes a savepoint; gives its name.
    fn savepoint(&self, py: Python<'_>, job: &str) -> PyResult<String> {
        self.of(py, job, Client::savepoint)
    }
}

/// What this process is: `alone`, `master` or `executor`, and how many slots it has. In a process of a cluster this is its
/// first word to those who wait for it.
#[pyfunction]
pub(crate) fn standing(py: Python<'_>) -> PyResult<(&'static str, u32)> {
    let standing = py.detach(site::standing).map_err(|failure| raised(&failure))?;
    Ok(match standing {
        Standing::Alone => ("alone", 0),
        Standing::Master => ("master", 0),
        Standing::Executor { slots } => ("executor", slots),
    })
}

/// Says that the program cannot run in this process, to those who wait for it.
#[pyfunction]
pub(crate) fn refuse(py: Python<'_>, why: String) -> PyResult<()> {
    py.detach(|| site::refuse(&Failure::user(why))).map_err(|failure| raised(&failure))
}

/// The exception for a job's failure: what a function of the program raised, if that is what `detail` tells of; else one that
/// says the text.
#[pyfunction]
pub(crate) fn job_failure<'py>(
    py: Python<'py>,
    text: &str,
    detail: Option<&str>,
    is_cancelled: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let module = "millstream._stream.faults";
    match detail.and_then(told) {
        Some(fault) => fault.exception(py, module, "user_error"),
        None => py.import(module)?.call_method1("engine_error", (text, is_cancelled)),
    }
}
