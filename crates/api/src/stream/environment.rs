//! Where a stream program begins and is run.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use millstream_connectors::collection::Collection;
use millstream_connectors::sequence::NumberSequence;
use millstream_dataflow::exchange::Partitioning;
use millstream_dataflow::graph::{JobGraph, NodeKind};
use millstream_dataflow::operator::Mode;
use millstream_dataflow::source::{Source, SourceAdapter};
use millstream_dataflow::state::StateData;
use millstream_model::error::{Failure, Result};
use millstream_model::key::MaxParallelism;
use millstream_runtime::{CheckpointSettings, JobHandle, JobResult, JobSettings, Restart, RestoreFrom};

use super::data_stream::{DataStream, Origin};
use super::interrupt;

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
}

impl StreamEnvironment {
    /// An environment with the default settings: parallelism 1, streaming, no checkpoints.
    pub fn new() -> Self {
        Self::default()
    }

    fn set(&self, change: impl FnOnce(&mut JobSettings)) -> &Self {
        change(&mut self.settings.borrow_mut());
        self
    }

    /// The subtasks of each operator that says nothing else, from 1 to max parallelism.
    pub fn set_parallelism(&self, parallelism: u32) -> &Self {
        self.set(|settings| settings.parallelism = parallelism)
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
    pub fn source<S: Source>(&self, source: S) -> DataStream<S::Record> {
        let name = source.name();
        let adapter = SourceAdapter(Arc::new(source));
        let node = self.graph.borrow_mut().add(name, NodeKind::Source(Arc::new(adapter)));
        DataStream::of(self.clone(), vec![Origin { node, tag: None, partitioning: Partitioning::Unset }])
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
        let _guard = interrupt::stop_on_ctrl_c(job.remote());
        job.wait()
    }

    /// Starts the job and gives a handle to it.
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
