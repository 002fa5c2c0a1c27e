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
use millstream_runtime::stage::{ResultCodec, StageEngine, StageProgress, StageSettings};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::dataset::PyDataset;
use super::executor::{Executor, not_added};
use super::lineage::{Encoded, Node};
use super::plan::{Planned, Recipe};
use super::shelf::Shelf;
use super::{cluster, shipped};
use crate::column::Block;
use crate::plan::{Sink, Task};
use crate::stream::told;
use crate::task::Fault;
use crate::worker::{Launch, Workers};

/// How often the thread of the program looks for signals while a job runs.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// How long Ctrl-C waits for tasks of this interpreter that are inside of a call which does not end, as `time.sleep`.
pub(super) const CANCEL_WITHIN: Duration = Duration::from_secs(2);

/// The stages, and where their tasks run.
pub(crate) struct Engine {
    pub(super) stages: StageEngine,
    pub(super) executor: Arc<Executor>,
    pub(super) attempts: AtomicU64,
    /// The actions that run, each with the data set it was asked of.
    pub(super) actions: Mutex<HashMap<DatasetId, DatasetId>>,
    pub(super) slots: usize,
    /// What is lent to tasks, if they run on a cluster.
    pub(super) shelf: Option<Arc<Shelf>>,
    /// Whether this is an executor of a cluster, which has the data sets of another process.
    pub(super) is_executor: bool,
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

    pub(super) fn executor(&self) -> &Arc<Executor> {
        &self.executor
    }

    /// Adds to accumulators what tasks on a cluster have told.
    fn take_told(&self) -> Result<(), Failure> {
        let told = self.stages.take_told();
        if told.is_empty() {
            return Ok(());
        }
        Python::attach(|py| {
            let hooks = py.import("millstream._task")?;
            told.iter().try_for_each(|updates| hooks.call_method1("apply_updates", (&updates[..],)).map(drop))
        })
        .map_err(not_added)
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
        Ok(Self(Arc::new(Engine {
            stages,
            executor,
            attempts,
            actions,
            slots,
            shelf: None,
            is_executor: false,
        })))
    }

    /// An engine whose tasks run on the cluster at `master`, in up to `slots` slots; and the name of its job there.
    /// `submission` is what executors are started with, told as JSON.
    #[staticmethod]
    fn on_cluster(
        py: Python<'_>,
        shown: cluster::Shown,
        submission: &str,
        slots: usize,
        reached: cluster::ReachedParts,
    ) -> PyResult<(Self, String)> {
        let (engine, job) = cluster::engine(py, shown, submission, slots, reached)?;
        Ok((Self(Arc::new(engine)), job))
    }

    /// Has tasks on a cluster find a file under a name. `modules` are found at that name in the folder of the files, in the
    /// folder itself if it is empty.
    #[pyo3(signature = (name, path, modules=None))]
    fn add_file(&self, name: String, path: PathBuf, modules: Option<String>) {
        if let Some(shelf) = &self.0.shelf {
            shelf.add_file(name, path, modules);
        }
    }

    /// The program is at its end: so is its job on a cluster, as a failed one if there is a `failure`.
    #[pyo3(signature = (failure=None))]
    fn leave(&self, py: Python<'_>, failure: Option<String>) {
        py.detach(|| self.0.stages.leave(failure));
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
            self.0.stages.leave(None);
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
    fn action(&self, dataset: &PyDataset) -> Arc<Node> {
        let node = dataset.node();
        let places = (0..node.partitions).map(|partition| vec![(0, partition)]).collect();
        let recipe = Recipe::Chain { of: vec![Arc::clone(node)], places };
        Node::new(&self.0, node.name.clone(), node.partitions, recipe)
    }

    /// Runs a job while this thread looks for signals: Ctrl-C stops the tasks, then the job.
    fn run_interruptibly(
        &self,
        py: Python<'_>,
        node: &Arc<Node>,
        partitions: &[usize],
        properties: &Arc<Properties>,
    ) -> PyResult<Vec<Vec<Encoded>>> {
        let engine = &self.0;
        let action = &(Arc::clone(node) as Arc<dyn Dataset<Encoded>>);
        let _asked = engine.asked(&**action);
        let (result, interrupted) = py.detach(|| {
            thread::scope(|scope| {
                let (done, results) = channel();
                scope.spawn(move || {
                    let properties = Arc::clone(properties);
                    let drained = |mut records: Box<dyn Pull<Encoded>>, _: &TaskContext| drain(&mut *records);
                    let result = match &engine.shelf {
                        None => engine.stages.run_with(properties, action, partitions, drained),
                        Some(shelf) => shipped::written(node, partitions, shelf).and_then(|shipped| {
                            let told = (properties, Arc::new(shipped));
                            engine.stages.run_shipped(told, codec(), action, partitions, drained)
                        }),
                    };
                    let counted = engine.take_told();
                    let _nobody_waits = done.send(result.and_then(|parts| counted.map(|()| parts)));
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

/// How results of actions travel: the number of blocks, the length of each, the blocks.
pub(super) fn codec() -> ResultCodec<Vec<Encoded>> {
    let encode = |blocks: &Vec<Encoded>| {
        let mut bytes = (blocks.len() as u64).to_le_bytes().to_vec();
        blocks.iter().for_each(|block| bytes.extend_from_slice(&(block.bytes().len() as u64).to_le_bytes()));
        blocks.iter().for_each(|block| bytes.extend_from_slice(block.bytes()));
        Ok(bytes)
    };
    ResultCodec::new(encode, |bytes| {
        let number = |at: usize| {
            let bytes = bytes.get(at * 8..)?.first_chunk::<8>()?;
            usize::try_from(u64::from_le_bytes(*bytes)).ok()
        };
        let split = || {
            let count = number(0)?;
            let mut rest = bytes.get(count.checked_add(1)?.checked_mul(8)?..)?;
            let mut blocks = Vec::new();
            for at in 1..=count {
                let (block, others) = rest.split_at_checked(number(at)?)?;
                blocks.push(Encoded::from(Arc::new(block.to_vec())));
                rest = others;
            }
            Some(blocks)
        };
        split().ok_or_else(|| Failure::external("the result of a task came damaged"))
    })
}

/// The failure as an exception: what user code raised, with where; or what else happened.
pub(super) fn raised(failure: Failure) -> PyErr {
    let own = failure.cause().and_then(|cause| cause.downcast_ref::<Fault>().cloned());
    let Some(fault) = own.or_else(|| failure.detail().and_then(told)) else {
        return PyRuntimeError::new_err(failure.to_string());
    };
    Python::attach(|py| {
        fault.exception(py, "millstream._task", "task_error").map_or_else(|error| error, PyErr::from_value)
    })
}
