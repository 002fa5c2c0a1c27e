//! Engines whose tasks run on a cluster: this process submits a job and is its master.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use millstream_cli::Access;
use millstream_cluster::driver::{Reached, drive};
use millstream_model::error::Failure;
use millstream_runtime::stage::{Lends, StageEngine, StageSettings};
use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::engine::{CANCEL_WITHIN, Engine};
use super::executor::Executor;
use super::shelf::Shelf;

/// Where a driver is reached: the address that it listens at, the one it is called at, and whether it may be called from
/// beyond this machine without encryption.
pub(super) type ReachedParts = (Option<String>, Option<String>, bool);

fn refused(failure: &Failure) -> PyErr {
    if failure.may_retry() {
        PyConnectionError::new_err(failure.to_string())
    } else {
        PyRuntimeError::new_err(failure.to_string())
    }
}

fn address(text: Option<String>) -> PyResult<Option<IpAddr>> {
    let parsed = text.map(|text| {
        text.parse().map_err(|_| PyValueError::new_err(format!("{text:?} is no address such as 10.0.0.7")))
    });
    parsed.transpose()
}

/// Where a cluster is and what it is shown: HOST:PORT, the file of its token, the folder of certificates.
pub(super) type Shown = (String, Option<PathBuf>, Option<PathBuf>);

/// The engine of a job that is submitted by this, and the job's name.
pub(super) fn engine(
    py: Python<'_>,
    (master, token_file, tls): Shown,
    submission: &str,
    slots: usize,
    (listen, advertised, insecure): ReachedParts,
) -> PyResult<(Engine, String)> {
    let submission =
        serde_json::from_str(submission).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let reached = Reached { listen: address(listen)?, advertised: address(advertised)? };
    let started = py.detach(|| {
        let access = Access { token_file, tls };
        let (client, security) = (access.client(&master)?, access.security(insecure)?);
        let (job, driver) = drive(&client, &security, &submission, reached)?;
        let settings = StageSettings { slots, cancel_timeout: CANCEL_WITHIN, ..StageSettings::default() };
        let executor = Arc::new(Executor::there());
        let shelf = Arc::new(Shelf::new(Arc::clone(&executor)));
        let stages = StageEngine::of_driver(&settings, &driver, Arc::clone(&shelf) as Arc<dyn Lends>)?;
        let engine = Engine {
            stages,
            executor,
            attempts: AtomicU64::new(0),
            actions: Mutex::new(HashMap::new()),
            slots,
            shelf: Some(shelf),
            is_executor: false,
        };
        Ok((engine, job.to_string()))
    });
    started.map_err(|failure: Failure| refused(&failure))
}
