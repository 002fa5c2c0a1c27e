//! An executor of a cluster whose tasks are Python's: jobs in, tasks in worker interpreters.
//!
//! Answers for reading jobs, and for files that the program has added. Not for slots, blocks and results: those are the engine's.
//! Holds: a task runs in an interpreter that finds the files that its job knows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use millstream_dataflow::lineage::{Dataset, Pull, TaskContext, drain};
use millstream_model::error::{Failure, Result};
use millstream_runtime::stage::{Lender, Receive, Received, StageEngine, StageSettings};
use pyo3::prelude::*;

use super::engine::{CANCEL_WITHIN, Engine, codec, raised};
use super::executor::Executor;
use super::lineage::Encoded;
use super::shipped::{self, Read};
use crate::worker::{Launch, Workers};

/// How often the thread of the process looks for signals, of which it has none to expect.
const LOOK: Duration = Duration::from_secs(3600);

/// How worker interpreters are started: interpreter, arguments, environment, this one's version, what each is told first.
type LaunchParts = (String, Vec<String>, Vec<(String, String)>, String, Vec<u8>);

/// Reads jobs as soon as the engine is there.
struct Jobs(Arc<OnceLock<Arc<Engine>>>);

impl Receive for Jobs {
    fn receive(&self, what: &[u8], lender: Lender) -> Result<Received> {
        let engine = self.0.wait();
        let executor = engine.executor();
        executor.serve(lender);
        let Read { last, partitions, files, dropped } = shipped::read(what, engine, executor)?;
        executor.want(files, &dropped);
        let dataset: Arc<dyn Dataset<Encoded>> = last;
        let all = |mut records: Box<dyn Pull<Encoded>>, _: &TaskContext| drain(&mut *records);
        Ok(Received::new(codec(), &dataset, &partitions, all))
    }
}

/// Runs tasks of the master that this process was started for, until it ends with it.
#[pyfunction]
#[pyo3(signature = (slots, launch, folder, shuffle_memory=None, cache_memory=None))]
pub(crate) fn serve_tasks(
    py: Python<'_>,
    slots: usize,
    launch: LaunchParts,
    folder: PathBuf,
    shuffle_memory: Option<usize>,
    cache_memory: Option<usize>,
) -> PyResult<()> {
    let (python, arguments, environment, version, setup) = launch;
    let chosen_by = "--python names the interpreter of a worker's machine";
    let launch = Launch { python, arguments, environment, version, chosen_by };
    let usual = StageSettings::default();
    let settings = StageSettings {
        slots,
        cancel_timeout: CANCEL_WITHIN,
        shuffle_memory: shuffle_memory.unwrap_or(usual.shuffle_memory),
        cache_memory: cache_memory.unwrap_or(usual.cache_memory),
        ..usual
    };
    let started = py.detach(|| -> Result<()> {
        let there = Arc::<OnceLock<Arc<Engine>>>::default();
        let executor =
            Arc::new(Executor::workers(Workers::start(launch, setup, slots)?).for_a_cluster(folder));
        let stages = StageEngine::of_tasks(&settings, Arc::new(Jobs(Arc::clone(&there))))?;
        let engine = Engine {
            stages,
            executor,
            attempts: AtomicU64::new(0),
            actions: Mutex::new(HashMap::new()),
            slots,
            shelf: None,
            is_executor: true,
        };
        let _first = there.set(Arc::new(engine));
        Ok(())
    });
    started.map_err(raised)?;
    loop {
        py.detach(|| std::thread::sleep(LOOK));
        py.check_signals()?;
    }
}

/// Writes a file that came, whole or not at all.
///
/// # Errors
/// If there is no room, or its name leads out of the folder.
pub(super) fn lay(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let failed = |error: std::io::Error| {
        Failure::external(format!("the file {name} of the program cannot be written here")).because(error)
    };
    if Path::new(name).components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
        return Err(Failure::internal(format!("`{name}` is no name of a file")));
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let coming = path.with_extension("coming");
    std::fs::write(&coming, bytes).and_then(|()| std::fs::rename(&coming, &path)).map_err(failed)
}
