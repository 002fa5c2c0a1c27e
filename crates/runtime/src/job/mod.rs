//! A job from its start to its end: attempts, checkpoints, restarts.
//!
//! Answers for starting a job and for what its owner can see and ask of it. Not for what a subtask does.
//! Holds: when the handle's `wait` returns, the job's threads are gone or the error names those that are not.

mod attempt;
mod checkpoints;
mod counters;
mod ending;
mod restart;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millstream_dataflow::graph::JobGraph;
use millstream_model::error::{Failure, Fault, Result, Retry};
use millstream_state::{CheckpointStore, StoreError};

pub(crate) use counters::Counters;
pub use counters::{Metrics, OperatorCounts};

use crate::plan::Plan;
use crate::settings::JobSettings;
use attempt::{Ask, Attempt, Outcome};
use checkpoints::Checkpoints;
use restart::Restarts;

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum JobStatus {
    /// Its subtasks run.
    Running,
    /// It failed and waits to be started again.
    Restarting,
    /// All input was processed.
    Finished,
    /// It was stopped or cancelled.
    Canceled,
    /// It failed for good.
    Failed,
}

/// How a job ended.
#[derive(Clone, Debug)]
pub struct JobResult {
    /// From start to end.
    pub runtime: Duration,
    /// How often it was started again after a failure.
    pub restarts: u32,
    /// Whether it was stopped before the end of its input.
    pub stopped: bool,
    /// The checkpoints that became complete.
    pub checkpoints: u64,
}

/// A running job.
pub struct JobHandle {
    shared: Arc<Shared>,
    asks: Sender<Ask>,
    thread: Option<JoinHandle<Result<JobResult>>>,
}

struct Shared {
    status: AtomicU8,
    plan: Arc<Plan>,
    counters: Mutex<Arc<Counters>>,
}

/// Starts a job on threads of its own.
///
/// # Errors
/// If the graph or the settings are wrong, or the checkpoint folder cannot be used.
pub fn start(graph: JobGraph, settings: JobSettings) -> Result<JobHandle> {
    let plan = Plan::new(graph, settings)?;
    let mut checkpoints = Checkpoints::open(&plan)?;
    tracing::info!(plan = %plan.describe(), "the job starts");
    let counters = Arc::new(Counters::new(plan.graph.nodes().len()));
    let shared = Arc::new(Shared {
        status: AtomicU8::new(JobStatus::Running as u8),
        plan: plan.clone(),
        counters: Mutex::new(counters),
    });
    let (asks, asked) = channel();
    let own = shared.clone();
    let thread = std::thread::Builder::new()
        .name(format!("job {}", plan.settings.name))
        .spawn(move || {
            let result = attempts(&own, &mut checkpoints, &asked);
            own.set_status(match &result {
                Ok(result) if result.stopped => JobStatus::Canceled,
                Ok(_) => JobStatus::Finished,
                Err(failure) if failure.is_cancelled() => JobStatus::Canceled,
                Err(_) => JobStatus::Failed,
            });
            result
        })
        .map_err(|error| Failure::external("the job's thread cannot be started").because(error))?;
    Ok(JobHandle { shared, asks, thread: Some(thread) })
}

fn attempts(
    shared: &Shared,
    checkpoints: &mut Checkpoints,
    asks: &std::sync::mpsc::Receiver<Ask>,
) -> Result<JobResult> {
    let (started, mut restarts) = (Instant::now(), Restarts::new(shared.plan.settings.restart.clone()));
    loop {
        let counters = Arc::new(Counters::new(shared.plan.graph.nodes().len()));
        *shared.counters.lock().unwrap_or_else(PoisonError::into_inner) = counters.clone();
        shared.set_status(JobStatus::Running);
        let failure = match Attempt::run(&shared.plan, checkpoints, asks, &counters) {
            Ok(outcome) => {
                return Ok(JobResult {
                    runtime: started.elapsed(),
                    restarts: restarts.count(),
                    stopped: outcome == Outcome::Stopped,
                    checkpoints: checkpoints.completed(),
                });
            }
            Err(failure) if failure.is_cancelled() => return Err(failure),
            Err(failure) => failure,
        };
        let Some(delay) = restarts.after_failure(Instant::now()) else {
            return Err(restarts.exhausted(failure));
        };
        tracing::warn!(%failure, ?delay, attempt = restarts.count(), "the job failed and is started again");
        shared.set_status(JobStatus::Restarting);
        // An ask that comes while it waits ends the job: there is nothing to drain.
        if asks.recv_timeout(delay).is_ok() {
            return Err(Failure::cancelled());
        }
    }
}

impl Shared {
    fn set_status(&self, status: JobStatus) {
        self.status.store(status as u8, Ordering::Release);
    }
}

impl JobHandle {
    /// What the job is doing.
    pub fn status(&self) -> JobStatus {
        match self.shared.status.load(Ordering::Acquire) {
            0 => JobStatus::Running,
            1 => JobStatus::Restarting,
            2 => JobStatus::Finished,
            3 => JobStatus::Canceled,
            _ => JobStatus::Failed,
        }
    }

    /// What has passed through its operators so far, in this attempt.
    pub fn metrics(&self) -> Metrics {
        let counters = self.shared.counters.lock().unwrap_or_else(PoisonError::into_inner).clone();
        counters.read(&self.shared.plan)
    }

    /// The plan in a few lines, for people: chains, checkpoints, the weakest promise.
    pub fn describe(&self) -> String {
        self.shared.plan.describe()
    }

    /// Ends the job at once; what is in flight is dropped, what is not committed stays uncommitted.
    pub fn cancel(&self) {
        let _ = self.asks.send(Ask::Cancel);
    }

    /// Ends the job in order: sources stop, what is in flight is processed, a last checkpoint is taken and sinks
    /// commit. Without checkpoints, open windows fire, since nothing could fire them later.
    pub fn stop(&self) {
        let _ = self.asks.send(Ask::Stop);
    }

    /// Something to stop or cancel the job with from elsewhere, such as a signal handler.
    pub fn remote(&self) -> JobRemote {
        JobRemote(self.asks.clone())
    }

    /// Takes a savepoint: a checkpoint that is kept until somebody deletes it. Gives its name.
    ///
    /// # Errors
    /// If the job takes no checkpoints, or this one failed.
    pub fn savepoint(&self) -> Result<String> {
        let (answer, answered) = channel();
        let gone = || Failure::user("the job has ended; a savepoint is taken of a running job");
        self.asks.send(Ask::Savepoint(answer)).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// The failure that ended it; or that it was cancelled.
    pub fn wait(mut self) -> Result<JobResult> {
        let Some(thread) = self.thread.take() else {
            return Err(Failure::internal("the job was waited for twice"));
        };
        thread.join().unwrap_or_else(|_| Err(Failure::internal("the thread of the job panicked")))
    }
}

/// Stops or cancels a job from elsewhere.
#[derive(Clone)]
pub struct JobRemote(Sender<Ask>);

impl JobRemote {
    /// As [`JobHandle::stop`].
    pub fn stop(&self) {
        let _ = self.0.send(Ask::Stop);
    }

    /// As [`JobHandle::cancel`].
    pub fn cancel(&self) {
        let _ = self.0.send(Ask::Cancel);
    }
}

impl Drop for JobHandle {
    /// A job whose handle is dropped is cancelled.
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.cancel();
        }
    }
}

/// The store's error as a failure, its fault kept.
pub(crate) fn store_failure(error: StoreError) -> Failure {
    let (fault, retry, text) = (error.fault(), error.retry(), error.to_string());
    let failure = match fault {
        Fault::User => Failure::user(text),
        Fault::External => Failure::external(text),
        Fault::Internal => Failure::internal(text),
    };
    let failure = failure.retry(if retry == Retry::Yes { Retry::Yes } else { Retry::No });
    match std::error::Error::source(&error) {
        Some(source) => failure.because(source.to_string()),
        None => failure,
    }
}

/// The store of a job, where it has one.
pub(crate) type Store = Arc<CheckpointStore>;
