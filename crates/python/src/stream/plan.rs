//! The graph of a stream program, as Python makes it, and its settings.
//!
//! Answers for nodes and edges of the engine's. Not for what is one stretch: `millstream._stream.plan` decides that.
//! Holds: every edge carries chunks.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_connectors::webhook::Webhook;
use millstream_dataflow::exchange::{BatchCodec, Partitioning};
use millstream_dataflow::graph::{Edge, JobGraph, NodeKind, OperatorFactory, SharedSides, TypedExchange};
use millstream_dataflow::operator::Mode;
use millstream_dataflow::sink::SinkAdapter;
use millstream_dataflow::source::{Promise, SourceAdapter};
use millstream_model::error::Failure;
use millstream_model::id::{NodeId, OperatorUid};
use millstream_model::key::MaxParallelism;
use millstream_runtime::network::Compression;
use millstream_runtime::{
    CheckpointMode, CheckpointSettings, JobSettings, Restart, RestoreFrom, UnmatchedState,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::chunk::Chunk;
use super::collect::{Collect, Collected};
use super::counts::{Counted, Passed};
use super::fault::raised;
use super::files;
use super::here::Threads;
use super::job::{PyCollected, PyStreamJob};
use super::kafka::{self, KafkaOut, SinkTold, SourceTold};
use super::print::{Before, Print};
use super::seat::exit_tag;
use super::source::PySource;
use super::standard_input;
use super::stretch::{Attempts, Stretch, StretchNode};
use super::texts::Texts;
use super::workers::Crew;
use crate::worker::Launch;

/// Chunks that may be between subtasks, for each channel that there may be.
const CHUNKS: usize = 16;

/// Interpreter, arguments, environment and version of the driver.
type LaunchParts = (String, Vec<String>, Vec<(String, String)>, String);

/// Name, uid and parallelism of a node.
type Identity = (String, Option<String>, u32);

/// A stream program that is being made.
#[pyclass(name = "StreamPlan", module = "millstream._native", frozen)]
pub(crate) struct PyStreamPlan {
    graph: Mutex<JobGraph>,
    crew: Option<Arc<Crew>>,
    threads: Threads,
    /// By node.
    counted: Mutex<Vec<Counted>>,
}

impl PyStreamPlan {
    fn graph(&self) -> MutexGuard<'_, JobGraph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self) -> MutexGuard<'_, Vec<Counted>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, identity: Identity, keeps_state: bool, kind: NodeKind, passed: Arc<Passed>) -> u32 {
        let (name, uid, parallelism) = identity;
        let is_source = matches!(kind, NodeKind::Source(_));
        self.counted().push(Counted { name: name.clone(), is_source, passed });
        let mut graph = self.graph();
        let id = graph.add(name, kind);
        if let Some(node) = graph.node_mut(id) {
            node.uid = uid.map(OperatorUid::new);
            node.parallelism = Some(parallelism);
            node.keeps_state |= keeps_state;
        }
        id.0
    }
}

#[pymethods]
impl PyStreamPlan {
    /// An empty plan; with `launch`, its functions run in `workers` processes, else in this one. With `when_needed`, a process is
    /// started for the first subtask that runs in it, and not ahead.
    #[new]
    #[pyo3(signature = (launch=None, workers=0, when_needed=false))]
    fn new(launch: Option<LaunchParts>, workers: usize, when_needed: bool) -> PyResult<Self> {
        let crew = launch
            .map(|(python, arguments, environment, version)| {
                let chosen_by = "set_python_executable(...) names the interpreter of the workers";
                let launch = Launch { python, arguments, environment, version, chosen_by };
                let crew = Crew::of(launch, workers);
                if !when_needed {
                    crew.start_all()?;
                }
                Ok::<_, Failure>(Arc::new(crew))
            })
            .transpose()
            .map_err(|failure| raised(&failure))?;
        let (threads, counted) = (Threads::default(), Mutex::default());
        Ok(Self { graph: Mutex::new(JobGraph::new()), crew, threads, counted })
    }

    /// A source whose splits `opener` opens.
    fn source(
        &self,
        identity: Identity,
        opener: Py<PyAny>,
        splits: u32,
        is_bounded: bool,
        promise: &str,
    ) -> PyResult<u32> {
        let promise = match promise {
            "exactly once" => Promise::ExactlyOnce,
            "at least once" => Promise::AtLeastOnce,
            "at most once" => Promise::AtMostOnce,
            other => return Err(PyValueError::new_err(format!("no promise: {other}"))),
        };
        let (name, threads) = (identity.0.clone(), self.threads.clone());
        let (opened, passed) = (Attempts::default(), Arc::<Passed>::default());
        let read = passed.clone();
        let source = PySource { name, opener, splits, is_bounded, promise, threads, opened, passed };
        Ok(self.add(identity, true, NodeKind::Source(Arc::new(SourceAdapter(Arc::new(source)))), read))
    }

    /// Topics of Kafka, as a `KafkaSource` was told.
    fn kafka_source(&self, identity: Identity, told: SourceTold) -> PyResult<u32> {
        let passed = Arc::<Passed>::default();
        let source = kafka::source(identity.0.clone(), told, passed.clone())?;
        Ok(self.add(identity, true, NodeKind::Source(source), passed))
    }

    /// The lines of the files at some path, which are watched for new ones where an interval in milliseconds is given.
    fn text_files(&self, identity: Identity, path: String, watch: Option<u64>) -> u32 {
        let passed = Arc::<Passed>::default();
        let source =
            files::source(identity.0.clone(), path, watch.map(Duration::from_millis), passed.clone());
        self.add(identity, true, NodeKind::Source(source), passed)
    }

    /// The lines of standard input, with settings of their source.
    fn standard_input(&self, identity: Identity, settings: Vec<(String, String)>) -> u32 {
        let passed = Arc::<Passed>::default();
        let source = standard_input::source(identity.0.clone(), &settings, passed.clone());
        self.add(identity, true, NodeKind::Source(source), passed)
    }

    /// Functions that run one behind the other, as a pickled spec says; in this process if they are none of the user's.
    fn stretch(&self, identity: Identity, spec: Vec<u8>, is_keyed: bool, is_here: bool) -> u32 {
        let passed = Arc::<Passed>::default();
        let node = Arc::new(StretchNode {
            spec: Arc::new(spec),
            is_keyed,
            crew: self.crew.clone().filter(|_| !is_here),
            threads: self.threads.clone(),
            opened: Attempts::default(),
            passed: passed.clone(),
        });
        let make = move |sides: &SharedSides| Box::new(Stretch::new(node.clone(), sides.clone())) as _;
        let operator = OperatorFactory::<Chunk, (), _>::new(make);
        self.add(identity, is_keyed, NodeKind::Operator(Arc::new(operator)), passed)
    }

    /// A sink that prints text.
    fn print(&self, node: Identity, identifier: Option<String>) -> u32 {
        let passed = Arc::<Passed>::default();
        let before = Before::Subtask(identifier);
        let sink = SinkAdapter(Arc::new(Print { before, passed: passed.clone() }));
        self.add(node, false, NodeKind::Sink(Arc::new(sink)), passed)
    }

    /// A sink that writes text onto standard output, and nothing else.
    fn standard_output(&self, node: Identity) -> u32 {
        let passed = Arc::<Passed>::default();
        let sink = SinkAdapter(Arc::new(Print { before: Before::Nothing, passed: passed.clone() }));
        self.add(node, false, NodeKind::Sink(Arc::new(sink)), passed)
    }

    /// A sink that posts JSON to an HTTP server, with headers and settings.
    fn webhook(
        &self,
        node: Identity,
        address: String,
        headers: Vec<(String, String)>,
        settings: Vec<(String, String)>,
    ) -> u32 {
        let passed = Arc::<Passed>::default();
        let sink = Webhook::encoded(address);
        let sink = headers.into_iter().fold(sink, |sink, (name, value)| sink.header(name, value));
        let sink = settings.iter().fold(sink, |sink, (name, value)| sink.set(name, value));
        let sink = Texts { sink, name: "WebhookSink", passed: passed.clone() };
        self.add(node, false, NodeKind::Sink(Arc::new(SinkAdapter(Arc::new(sink)))), passed)
    }

    /// A sink that writes text into files below a folder: with the pattern of folders by time, when a file is closed
    /// (bytes, its age and how long nothing came, in milliseconds), and how large small files together are to be.
    fn files(
        &self,
        node: Identity,
        folder: String,
        pattern: Option<String>,
        rolling: (u64, u64, u64),
        joined: Option<u64>,
    ) -> u32 {
        let passed = Arc::<Passed>::default();
        let sink = SinkAdapter(Arc::new(files::sink(folder, pattern, rolling, joined, passed.clone())));
        self.add(node, false, NodeKind::Sink(Arc::new(sink)), passed)
    }

    /// A sink that writes to topics of Kafka, as a `KafkaSink` was told.
    fn kafka_sink(&self, node: Identity, told: SinkTold) -> u32 {
        let passed = Arc::<Passed>::default();
        let sink = SinkAdapter(Arc::new(KafkaOut::new(told, passed.clone())));
        self.add(node, false, NodeKind::Sink(Arc::new(sink)), passed)
    }

    /// A sink that keeps records for the program; with `is_exact`, each comes once its checkpoint is complete.
    fn collect(&self, node: Identity, is_exact: bool) -> (u32, PyCollected) {
        let collected = Arc::new(Collected::default());
        let passed = Arc::<Passed>::default();
        let sink = Collect { collected: collected.clone(), is_exact, passed: passed.clone() };
        let sink = NodeKind::Sink(Arc::new(SinkAdapter(Arc::new(sink))));
        (self.add(node, false, sink, passed), PyCollected(collected))
    }

    /// Connects a source (without an exit) or an exit of a stretch to a node: `forward`, `broadcast`, or `chosen` by the
    /// sender.
    fn connect(&self, from: u32, exit: Option<u16>, to: u32, partitioning: &str) -> PyResult<()> {
        let partitioning: Partitioning<Chunk> = match partitioning {
            "forward" => Partitioning::Forward,
            "broadcast" => Partitioning::Broadcast,
            "chosen" => Partitioning::Custom(Arc::new(|chunk: &Chunk, _| usize::from(chunk.target))),
            other => return Err(PyValueError::new_err(format!("no partitioning: {other}"))),
        };
        let exchange = Arc::new(TypedExchange::new(partitioning).encoded_by(Some(BatchCodec::of())));
        let tag = exit.map(|exit| Arc::from(exit_tag(exit).name()));
        self.graph().connect(Edge { from: NodeId(from), to: NodeId(to), tag, exchange });
        Ok(())
    }

    /// Starts the job.
    fn start(&self, py: Python<'_>, settings: &Bound<'_, PyAny>) -> PyResult<PyStreamJob> {
        let graph = self.graph().clone();
        let settings = self.settings(&graph, settings)?;
        let started = py.detach(|| millstream_runtime::start(graph, settings));
        let handle = started.map_err(|failure| raised(&failure))?;
        Ok(PyStreamJob::new(handle, self.threads.clone(), self.counted().clone()))
    }

    /// The job in a few lines, for people.
    fn describe(&self, settings: &Bound<'_, PyAny>) -> PyResult<String> {
        let graph = self.graph().clone();
        let settings = self.settings(&graph, settings)?;
        let plan = millstream_runtime::plan::Plan::new(graph, settings);
        plan.map(|plan| plan.describe()).map_err(|failure| raised(&failure))
    }
}

/// Folder, interval, timeout, pause, failures borne, kept, exactly once, restored from, whether state may be left behind.
type Checkpoints = (String, u64, u64, u64, u32, usize, bool, String, bool);

impl PyStreamPlan {
    fn settings(&self, graph: &JobGraph, given: &Bound<'_, PyAny>) -> PyResult<JobSettings> {
        let max = MaxParallelism::new(given.getattr("max_parallelism")?.extract()?);
        let parallelism: u32 = given.getattr("parallelism")?.extract()?;
        let widest = graph.nodes().iter().filter_map(|node| node.parallelism).max().unwrap_or(1) as usize;
        let channels = graph.edges().len() * widest * widest;
        let millis = |name: &str| {
            given.getattr(name).and_then(|value| value.extract::<u64>()).map(Duration::from_millis)
        };
        let is_batch: bool = given.getattr("is_batch")?.extract()?;
        let checkpoints: Option<Checkpoints> = given.getattr("checkpoints")?.extract()?;
        Ok(JobSettings {
            name: given.getattr("name")?.extract()?,
            parallelism,
            adaptive: false,
            spare_slots: 0,
            max_parallelism: max.map_err(|error| PyValueError::new_err(error.to_string()))?,
            records_in_flight: CHUNKS * channels.max(1),
            // A chunk is a batch: it does not wait for others.
            flush_interval: Duration::ZERO,
            compression: match given.getattr("compression")?.extract::<String>()?.as_str() {
                "lz4" => Compression::Lz4,
                _ => Compression::None,
            },
            mode: if is_batch { Mode::Batch } else { Mode::Streaming },
            checkpoints: checkpoints.map(checkpoint_settings),
            restart: restart(given)?,
            cancel_timeout: millis("cancel_timeout")?,
        })
    }
}

fn checkpoint_settings(given: Checkpoints) -> CheckpointSettings {
    let (folder, interval, timeout, pause, tolerable_failures, retained, is_exact, from, may_leave) = given;
    CheckpointSettings {
        folder: PathBuf::from(folder),
        interval: Duration::from_millis(interval),
        timeout: Duration::from_millis(timeout),
        min_pause: Duration::from_millis(pause),
        tolerable_failures,
        retained,
        mode: if is_exact { CheckpointMode::ExactlyOnce } else { CheckpointMode::AtLeastOnce },
        restore: match from.as_str() {
            "" => RestoreFrom::Nothing,
            "latest" => RestoreFrom::Latest,
            _ => RestoreFrom::Named(from),
        },
        unmatched: if may_leave { UnmatchedState::Ignore } else { UnmatchedState::Refuse },
        local_recovery: true,
    }
}

/// A strategy's name, three numbers (attempts or failures, and times in milliseconds), and a factor.
fn restart(given: &Bound<'_, PyAny>) -> PyResult<Restart> {
    let (name, first, second, third, factor): (String, u64, u64, u64, f64) =
        given.getattr("restart")?.extract()?;
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let millis = Duration::from_millis;
    Ok(match name.as_str() {
        "none" => Restart::Never,
        "fixed-delay" => Restart::FixedDelay { attempts: count(first), delay: millis(second) },
        "failure-rate" => {
            Restart::FailureRate { failures: count(first), interval: millis(second), delay: millis(third) }
        }
        "exponential-delay" => Restart::ExponentialDelay {
            initial: millis(first),
            max: millis(second),
            factor,
            reset_after: millis(third),
        },
        other => return Err(raised(&Failure::user(format!("no restart strategy: {other}")))),
    })
}
