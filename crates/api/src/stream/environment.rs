//! Where a stream program begins and is run.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use millstream_connectors::collection::Collection;
use millstream_connectors::sequence::NumberSequence;
use millstream_dataflow::exchange::BatchCodec;
use millstream_dataflow::graph::{JobGraph, NodeKind};
use millstream_dataflow::operator::Mode;
use millstream_dataflow::source::{Source, SourceAdapter};
use millstream_dataflow::state::StateData;
use millstream_model::error::{Failure, Result};
use millstream_model::key::MaxParallelism;
use millstream_runtime::network::Compression;
use millstream_runtime::{CheckpointSettings, JobHandle, JobResult, JobSettings, Restart, RestoreFrom};

use crate::settings::{self, JOB_SETTINGS, Outside, Read, Values};

use super::data_stream::{DataStream, Origin};
use crate::interrupt;

/// The beginning of a stream program: makes streams out of sources, and runs the job that was made of them.
///
/// ```
/// use millstream::StreamEnvironment;
///
/// let env = StreamEnvironment::new();
/// let doubled = env.from_collection(vec![1, 2, 3]).map(|x| x * 2).execute_and_collect("double")?;
/// assert_eq!(doubled, [2, 4, 6]);
/// # Ok::<(), millstream::Failure>(())
/// ```
#[derive(Clone, Default)]
pub struct StreamEnvironment {
    pub(super) graph: Rc<RefCell<JobGraph>>,
    settings: Rc<RefCell<JobSettings>>,
    max_parallelism_error: Rc<RefCell<Option<String>>>,
    arguments: Rc<[String]>,
}

impl StreamEnvironment {
    /// An environment with the default settings: parallelism 1, streaming, no checkpoints.
    pub fn new() -> Self {
        Self::default()
    }

    /// An environment with the settings that the process was started with: as arguments (`--parallelism 2`), in the
    /// environment (`MILLSTREAM_PARALLELISM=2`), in the file that `--settings FILE` names (`parallelism = 2`). An argument
    /// holds against the environment, that against the file, that against the default. What the program sets on it
    /// afterwards holds against all. The settings are listed in `docs/reference/settings.md`, and by `--help`, which
    /// prints them and ends the process.
    ///
    /// # Errors
    /// If an argument, a variable or a line of the file is unknown or malformed: the message says which one, and what
    /// would be right.
    pub fn from_args() -> Result<Self> {
        Self::from_args_over(JobSettings::default())
    }

    /// As [`StreamEnvironment::from_args`], over a program's own defaults.
    ///
    /// # Errors
    /// As there.
    pub fn from_args_over(defaults: JobSettings) -> Result<Self> {
        let arguments = std::env::args_os().skip(1).collect();
        let outside = Outside { arguments, environment: std::env::vars_os().collect() };
        match settings::read(&JOB_SETTINGS, outside)? {
            Read::Given { settings, arguments } => Self::given(defaults, &settings, arguments),
            Read::Help(help) => {
                // Whoever asked for help and closed the pipe wants no more of it.
                let _ = std::io::stdout().write_all(help.as_bytes());
                std::process::exit(0)
            }
        }
    }

    /// As [`StreamEnvironment::from_args`] with these arguments (without the program's name) and no environment.
    ///
    /// ```
    /// use millstream::StreamEnvironment;
    /// let env = StreamEnvironment::from_args_of(["--parallelism", "2", "--", "flights.csv"])?;
    /// assert_eq!(env.arguments(), ["flights.csv"]);
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    ///
    /// # Errors
    /// As there; `--help` is an error too, whose message is the help.
    pub fn from_args_of<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Result<Self> {
        let arguments = arguments.into_iter().map(Into::into).collect();
        match settings::read(&JOB_SETTINGS, Outside { arguments, environment: Vec::new() })? {
            Read::Given { settings, arguments } => Self::given(JobSettings::default(), &settings, arguments),
            Read::Help(help) => Err(Failure::user(help)),
        }
    }

    fn given(defaults: JobSettings, given: &Values, arguments: Vec<String>) -> Result<Self> {
        let settings = defaults.with(given)?;
        settings.check()?;
        Ok(Self { settings: Rc::new(RefCell::new(settings)), arguments: arguments.into(), ..Self::default() })
    }

    /// The arguments behind `--`, which are the program's own.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    fn set(&self, change: impl FnOnce(&mut JobSettings)) -> &Self {
        change(&mut self.settings.borrow_mut());
        self
    }

    /// The subtasks of each operator that says nothing else, from 1 to max parallelism.
    pub fn set_parallelism(&self, parallelism: u32) -> &Self {
        self.set(|settings| settings.parallelism = parallelism)
    }

    /// On a cluster with fewer slots than the parallelism: run with those there are, and with more once there are more (after
    /// the next checkpoint; without checkpoints only what is lost changes it). Without it a job waits for all of its slots.
    pub fn set_adaptive(&self, adaptive: bool) -> &Self {
        self.set(|settings| settings.adaptive = adaptive)
    }

    /// On a cluster: keeps so many slots more than the job runs in, with processes that are started and hold the program ready.
    /// They take the place of processes that are lost, without a wait for new ones. Give as many as a worker has, and a spare
    /// takes the place of a worker.
    pub fn set_spare_slots(&self, slots: u32) -> &Self {
        self.set(|settings| settings.spare_slots = slots)
    }

    /// The number of key groups, 128 by default: the most subtasks a keyed operator can ever have. A checkpoint can only
    /// be restored with the number it was written with.
    pub fn set_max_parallelism(&self, groups: u32) -> &Self {
        match MaxParallelism::new(groups) {
            Ok(max) => self.set(|settings| settings.max_parallelism = max),
            Err(error) => {
                *self.max_parallelism_error.borrow_mut() = Some(error.to_string());
                self
            }
        }
    }

    /// Streaming (every update is emitted) or batch (a keyed aggregate emits its last value for each key, at the end).
    pub fn set_mode(&self, mode: Mode) -> &Self {
        self.set(|settings| settings.mode = mode)
    }

    /// The most records that may be between subtasks, in the whole job; 65,536 by default.
    pub fn set_records_in_flight(&self, records: usize) -> &Self {
        self.set(|settings| settings.records_in_flight = records)
    }

    /// How long a record may wait for its batch to fill; 5 ms by default, zero: not at all.
    pub fn set_flush_interval(&self, interval: Duration) -> &Self {
        self.set(|settings| settings.flush_interval = interval)
    }

    /// How records between the processes of a cluster are compressed; not at all by default.
    pub fn set_network_compression(&self, compression: Compression) -> &Self {
        self.set(|settings| settings.compression = compression)
    }

    /// Takes checkpoints; see [`CheckpointSettings`] for what can be set.
    pub fn enable_checkpoints(&self, checkpoints: CheckpointSettings) -> &Self {
        self.set(|settings| settings.checkpoints = Some(checkpoints))
    }

    /// What the job starts from, where it takes checkpoints.
    pub fn restore(&self, from: RestoreFrom) -> &Self {
        self.set(|settings| {
            if let Some(checkpoints) = &mut settings.checkpoints {
                checkpoints.restore = from;
            }
        })
    }

    /// What happens after a failure; by default the job fails.
    pub fn set_restart(&self, restart: Restart) -> &Self {
        self.set(|settings| settings.restart = restart)
    }

    /// How long a thread may take to react when the job stops, before the error names it; 30 s by default.
    pub fn set_cancel_timeout(&self, timeout: Duration) -> &Self {
        self.set(|settings| settings.cancel_timeout = timeout)
    }

    /// A stream of what a source reads.
    pub fn source<S: Source>(&self, source: S) -> DataStream<S::Record>
    where
        S::Record: StateData,
    {
        let name = source.name();
        let adapter = SourceAdapter(Arc::new(source));
        let node = self.graph.borrow_mut().add(name, NodeKind::Source(Arc::new(adapter)));
        DataStream::of(self.clone(), vec![Origin::output_of(node, Some(BatchCodec::of()))])
    }

    /// A stream of these records.
    pub fn from_collection<T: StateData>(&self, records: impl IntoIterator<Item = T>) -> DataStream<T> {
        self.source(Collection::new(records.into_iter().collect()))
    }

    /// A stream of the numbers from `start` to `end`, both included.
    pub fn from_sequence(&self, start: u64, end: u64) -> DataStream<u64> {
        self.source(NumberSequence::new(start, end))
    }

    /// Runs the job and waits for its end. Ctrl-C stops it in order; a second one ends the process at once.
    ///
    /// # Errors
    /// If the program or a setting is wrong, or the job fails: which operator, where, why, what to do.
    pub fn execute(&self, name: &str) -> Result<JobResult> {
        let job = self.start(name)?;
        let _guard = interrupt::stop_on_ctrl_c(&job);
        job.wait()
    }

    /// Starts the job and gives a handle to it. Ctrl-C ends the program, unless [`crate::stop_on_ctrl_c`] is asked to let
    /// it stop the job in order.
    ///
    /// # Errors
    /// If the program or a setting is wrong.
    pub fn start(&self, name: &str) -> Result<JobHandle> {
        if let Some(error) = self.max_parallelism_error.borrow().as_ref() {
            return Err(Failure::user(error.clone()));
        }
        let settings = JobSettings { name: name.into(), ..self.settings.borrow().clone() };
        millstream_runtime::start(self.graph.borrow().clone(), settings)
    }

    /// The job in a few lines, for people: chains, checkpoints, the weakest promise.
    ///
    /// # Errors
    /// If the program or a setting is wrong.
    pub fn explain(&self, name: &str) -> Result<String> {
        let settings = JobSettings { name: name.into(), ..self.settings.borrow().clone() };
        Ok(millstream_runtime::plan::Plan::new(self.graph.borrow().clone(), settings)?.describe())
    }
}
