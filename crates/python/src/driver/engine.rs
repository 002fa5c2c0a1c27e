//! The engine of a Python context, and its face for Python.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use millstream_dataflow::lineage::{Dataset, DatasetId, Dependency, Properties, Pull, TaskContext, drain};
use millstream_model::error::Failure;
use millstream_runtime::stage::{StageEngine, StageProgress, StageSettings};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::dataset::PyDataset;
use super::executor::Executor;
use super::lineage::{Encoded, Node};
use super::plan::{Planned, Recipe};
use crate::column::Block;
use crate::plan::{Sink, Task};
use crate::task::Fault;
use crate::worker::{Launch, Workers};

/// How often the thread of the program looks for signals while a job runs.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// How long Ctrl-C waits for tasks of this interpreter that are inside of a call which does not end, as `time.sleep`.
const CANCEL_WITHIN: Duration = Duration::from_secs(2);

/// The stages, and where their tasks run.
pub(crate) struct Engine {
    pub(super) stages: StageEngine,
    executor: Arc<Executor>,
    attempts: AtomicU64,
    /// The actions that run, each with the data set it was asked of.
    actions: Mutex<HashMap<DatasetId, DatasetId>>,
    slots: usize,
}

/// An action, as long as it runs.
struct Asked<'a>(&'a Engine, DatasetId);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.actions().remove(&self.1);
    }
}

impl Engine {
    /// How many tasks run at a time.
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Tells all jobs to stop.
    fn cancel(&self) {
        self.stages.cancel_all_jobs();
        self.executor.interrupt(|_| true);
    }

    /// Tells the jobs of which the program has said that `name` is `value` to stop.
    fn cancel_jobs(&self, name: &str, value: &str) {
        self.stages.cancel_jobs(name, value);
        self.executor.interrupt(|properties| properties.get(name).is_some_and(|said| said == value));
    }

    fn actions(&self) -> MutexGuard<'_, HashMap<DatasetId, DatasetId>> {
        self.actions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what an action is asked of: its own data set is none that a program knows.
    fn asked(&self, action: &dyn Dataset<Encoded>) -> Asked<'_> {
        if let Some(Dependency::Narrow(of)) = action.dependencies().first() {
            self.actions().insert(action.id(), of.id());
        }
        Asked(self, action.id())
    }

    /// Runs one attempt at a task.
    pub(super) fn run_task(
        &self,
        stage: DatasetId,
        partition: usize,
        sink: Sink,
        context: &TaskContext,
        planned: Planned,
    ) -> Result<Vec<Arc<Vec<u8>>>, Failure> {
        let Planned { plan, attachments, levels } = planned;
        let task = Task {
            stage: stage.0,
            partition: partition as u64,
            attempt: u64::from(context.attempt.saturating_sub(1)),
            id: self.attempts.fetch_add(1, Ordering::Relaxed),
            properties: (*context.properties).clone(),
            plan,
            sink,
        };
        self.executor.run(task, attachments, context, levels)
    }
}

/// Runs batch jobs whose functions are Python's.
#[pyclass(name = "Engine", module = "millstream._native", frozen)]
pub(crate) struct PyEngine(pub(crate) Arc<Engine>);

#[pymethods]
impl PyEngine {
    /// An engine with `slots` tasks at a time: in worker processes if `launch` says how these are started
    /// (interpreter, arguments, environment, the driver's version, what each worker is told first), else here.
    ///
    /// Shuffle blocks beyond so many bytes, and kept partitions, are written to a folder, if these are given.
    #[new]
    #[pyo3(signature = (slots, launch=None, shuffle_memory=None, cache_memory=None, folder=None))]
    fn new(
        slots: usize,
        launch: Option<LaunchParts>,
        shuffle_memory: Option<usize>,
        cache_memory: Option<usize>,
        folder: Option<PathBuf>,
    ) -> PyResult<Self> {
        let executor = match launch {
            None => Executor::here(),
            Some((python, arguments, environment, version, setup)) => {
                let chosen_by =
                    "spark.pyspark.python, or else PYSPARK_PYTHON, names the interpreter of the workers";
                let launch = Launch { python, arguments, environment, version, chosen_by };
                Executor::workers(Workers::start(launch, setup, slots).map_err(raised)?)
            }
        };
        let usual = StageSettings::default();
        let settings = StageSettings {
            slots,
            cancel_timeout: CANCEL_WITHIN,
            shuffle_memory: shuffle_memory.unwrap_or(usual.shuffle_memory),
            cache_memory: cache_memory.unwrap_or(usual.cache_memory),
            spill_folder: folder.unwrap_or(usual.spill_folder),
            speculation: usual.speculation,
        };
        let stages = StageEngine::new(&settings).map_err(raised)?;
        let (executor, attempts, actions) = (Arc::new(executor), AtomicU64::new(0), Mutex::default());
        Ok(Self(Arc::new(Engine { stages, executor, attempts, actions, slots })))
    }

    /// What workers that are started from now on are told first; those that are idle are replaced.
    fn change_setup(&self, py: Python<'_>, setup: Vec<u8>) {
        py.detach(|| self.0.executor.change_setup(setup));
    }

    /// Keeps the pickled value of a broadcast variable for tasks; `None` lets it go.
    #[pyo3(signature = (number, value))]
    fn broadcast(&self, number: u64, value: Option<Vec<u8>>) {
        self.0.executor.broadcast(number, value);
    }

    /// The records of each of `partitions`, as a list of lists. Tasks may ask for the job's `properties`.
    #[pyo3(signature = (dataset, partitions, properties=None))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        dataset: &PyDataset,
        partitions: Vec<usize>,
        properties: Option<Properties>,
    ) -> PyResult<Bound<'py, PyList>> {
        let properties = Arc::new(properties.unwrap_or_default());
        let parts = self.run_interruptibly(py, &self.action(dataset), &partitions, &properties)?;
        let lists = parts.into_iter().map(|part| decode(py, part)).collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, lists)
    }

    /// Computes all partitions, and gives them as a data set that is made from nothing else.
    fn materialise(&self, py: Python<'_>, dataset: &PyDataset) -> PyResult<PyDataset> {
        let partitions: Vec<usize> = (0..dataset.node().partitions).collect();
        let parts = self.run_interruptibly(py, &self.action(dataset), &partitions, &Arc::default())?;
        let blocks = parts.into_iter().map(|part| match part.as_slice() {
            [one] => Arc::clone(one.bytes()),
            several => Arc::new(several.iter().flat_map(|block| block.bytes().iter().copied()).collect()),
        });
        Ok(PyDataset::kept(&self.0, &dataset.node().name, blocks.collect()))
    }

    /// Ends the workers; nothing can be run afterwards.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| {
            self.0.stages.cancel_all_jobs();
            self.0.executor.stop();
        });
    }

    /// Stops all tasks that run; their jobs fail.
    fn cancel(&self, py: Python<'_>) {
        py.detach(|| self.0.cancel());
    }

    /// Stops the tasks of the jobs that were run with a property; their jobs fail.
    fn cancel_jobs(&self, py: Python<'_>, name: &str, value: &str) {
        py.detach(|| self.0.cancel_jobs(name, value));
    }

    /// The stages that each running job waits for, its last stage first: data set, name, and the numbers of tasks, of
    /// those that run, of those that have ended, and of failed attempts.
    fn progress(&self) -> Vec<Vec<StageRow>> {
        let actions = self.0.actions();
        let row = |stage: StageProgress| {
            let dataset = actions.get(&stage.dataset).unwrap_or(&stage.dataset).0;
            (dataset, stage.name, stage.tasks, stage.active, stage.done, stage.failed)
        };
        let jobs = self.0.stages.progress();
        jobs.into_iter().map(|stages| stages.into_iter().map(row).collect()).collect()
    }

    /// What was run so far: map tasks, result tasks, failed attempts, partitions computed to be kept, blocks spilled.
    fn counters(&self) -> (u64, u64, u64, u64, u64) {
        let counters = self.0.stages.counters();
        (
            counters.map_tasks,
            counters.result_tasks,
            counters.failed_attempts,
            counters.cached_partitions_computed,
            counters.blocks_spilled,
        )
    }
}

/// A stage, for Python.
type StageRow = (u64, String, usize, usize, usize, usize);

/// The fields of a [`Launch`], and what each worker is told first.
type LaunchParts = (String, Vec<String>, Vec<(String, String)>, String, Vec<u8>);

impl PyEngine {
    /// The data set of an action: one that is not kept itself, as the one it is asked of may be.
    fn action(&self, dataset: &PyDataset) -> Arc<dyn Dataset<Encoded>> {
        let node = dataset.node();
        let places = (0..node.partitions).map(|partition| vec![(0, partition)]).collect();
        let recipe = Recipe::Chain { of: vec![Arc::clone(node)], places };
        Node::new(&self.0, node.name.clone(), node.partitions, recipe)
    }

    /// Runs a job while this thread looks for signals: Ctrl-C stops the tasks, then the job.
    fn run_interruptibly(
        &self,
        py: Python<'_>,
        action: &Arc<dyn Dataset<Encoded>>,
        partitions: &[usize],
        properties: &Arc<Properties>,
    ) -> PyResult<Vec<Vec<Encoded>>> {
        let engine = &self.0;
        let _asked = engine.asked(&**action);
        let (result, interrupted) = py.detach(|| {
            thread::scope(|scope| {
                let (done, results) = channel();
                scope.spawn(move || {
                    let properties = Arc::clone(properties);
                    let drained = |mut records: Box<dyn Pull<Encoded>>, _: &TaskContext| drain(&mut *records);
                    let result = engine.stages.run_with(properties, action, partitions, drained);
                    let _nobody_waits = done.send(result);
                });
                let mut interrupted = None;
                loop {
                    match results.recv_timeout(LOOK) {
                        Ok(result) => return (result, interrupted),
                        Err(RecvTimeoutError::Disconnected) => {
                            return (Err(Failure::internal("a job ended without a result")), interrupted);
                        }
                        Err(RecvTimeoutError::Timeout) => {}
                    }
                    if let Err(signal) = Python::attach(|py| py.check_signals()) {
                        interrupted.get_or_insert(signal);
                    }
                    if interrupted.is_some() {
                        engine.cancel();
                    }
                }
            })
        });
        match interrupted {
            Some(signal) => Err(signal),
            None => result.map_err(raised),
        }
    }
}

fn decode<'py>(py: Python<'py>, part: Vec<Encoded>) -> PyResult<Bound<'py, PyList>> {
    let records = PyList::empty(py);
    for encoded in part {
        let mut block = Block::new(Arc::clone(encoded.bytes()));
        while let Some(chunk) = block.next(py)? {
            (0..chunk.rows()).try_for_each(|row| records.append(chunk.get(py, row)?))?;
        }
    }
    Ok(records)
}

/// The failure as an exception: what user code raised, with where; or what else happened.
fn raised(failure: Failure) -> PyErr {
    let Some(fault) = failure.cause().and_then(|cause| cause.downcast_ref::<Fault>()) else {
        return PyRuntimeError::new_err(failure.to_string());
    };
    Python::attach(|py| {
        fault.exception(py, "millstream._task", "task_error").map_or_else(|error| error, PyErr::from_value)
    })
}
