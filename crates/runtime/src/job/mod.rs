//! A job from its start to its end: attempts, checkpoints, restarts.
//!
//! Answers for starting a job and for what its owner can see and ask of it. Not for what a subtask does.
//! Holds: when the handle's `wait` returns, the job's threads are gone or the error names those that are not.

mod attempt;
mod checkpoints;
mod coordinator;
mod counters;
mod ending;
pub(crate) mod message;
mod pace;
mod restart;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use millstream_dataflow::graph::JobGraph;
use millstream_dataflow::operator::Cancelled;
use millstream_model::error::{Failure, Fault, Result, Retry};
use millstream_state::{CheckpointStore, StoreError};

pub(crate) use counters::Counters;
pub use counters::{Metrics, OperatorCounts};

use crate::plan::Plan;
use crate::settings::JobSettings;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::sync::mpsc::channel;
use crate::sync::{Builder, JoinHandle, Mutex, Receiver, Sender, now, receive_until};
use attempt::{Attempt, Broken};
use checkpoints::Checkpoints;
use coordinator::Outcome;
use message::{Ask, Message};
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
    remote: JobRemote,
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
    let checkpoints = Checkpoints::open(&plan)?;
    run(plan, checkpoints)
}

fn run(plan: Arc<Plan>, mut checkpoints: Checkpoints) -> Result<JobHandle> {
    tracing::info!(plan = %plan.describe(), "the job starts");
    let counters = Arc::new(Counters::new(plan.graph.nodes().len()));
    let shared = Arc::new(Shared {
        status: AtomicU8::new(JobStatus::Running as u8),
        plan: plan.clone(),
        counters: Mutex::new(counters),
    });
    let (to_coordinator, messages) = channel();
    let remote = JobRemote { messages: to_coordinator.clone(), is_cancelled: Arc::default() };
    let is_cancelled = remote.is_cancelled.clone();
    checkpoints.cancel_when(&Cancelled::when(move || is_cancelled.load(Ordering::Relaxed)));
    let (own, own_end) = (shared.clone(), to_coordinator.clone());
    let thread = Builder::new()
        .name(format!("job {}", plan.settings.name))
        .spawn(move || {
            let result = attempts(&own, &mut checkpoints, &messages, &own_end);
            own.set_status(match &result {
                Ok(result) if result.stopped => JobStatus::Canceled,
                Ok(_) => JobStatus::Finished,
                Err(failure) if failure.is_cancelled() => JobStatus::Canceled,
                Err(_) => JobStatus::Failed,
            });
            result
        })
        .map_err(|error| Failure::external("the job's thread cannot be started").because(error))?;
    Ok(JobHandle { shared, remote, thread: Some(thread) })
}

fn attempts(
    shared: &Shared,
    checkpoints: &mut Checkpoints,
    messages: &Receiver<Message>,
    to_coordinator: &Sender<Message>,
) -> Result<JobResult> {
    let (started, mut restarts) = (now(), Restarts::new(shared.plan.settings.restart.clone()));
    loop {
        let counters = Arc::new(Counters::new(shared.plan.graph.nodes().len()));
        *shared.counters.lock().unwrap_or_else(PoisonError::into_inner) = counters.clone();
        shared.set_status(JobStatus::Running);
        let attempt =
            Attempt { plan: &shared.plan, checkpoints, counters: &counters, messages, to_coordinator };
        let failure = match attempt.run() {
            Ok(outcome) => {
                return Ok(JobResult {
                    runtime: now().saturating_duration_since(started),
                    restarts: restarts.count(),
                    stopped: outcome == Outcome::Stopped,
                    checkpoints: checkpoints.completed(),
                });
            }
            Err(Broken::ForGood(failure)) => return Err(failure),
            Err(Broken::Again(failure)) => failure,
        };
        let Some(delay) = restarts.after_failure(now()) else {
            return Err(restarts.exhausted(failure));
        };
        tracing::warn!(%failure, ?delay, attempt = restarts.count(), "the job failed and is started again");
        shared.set_status(JobStatus::Restarting);
        pause(messages, delay)?;
    }
}

/// Waits before the next attempt, and lets go of what the threads of the last one still had to say: none of them is left.
///
/// # Errors
/// If the owner ends the job meanwhile: there is nothing to drain.
fn pause(messages: &Receiver<Message>, delay: Duration) -> Result<()> {
    let until = now() + delay;
    while let Ok(message) = receive_until(messages, Some(until)) {
        match message {
            Message::Ask(Ask::Cancel | Ask::Stop) => return Err(Failure::cancelled()),
            Message::Ask(Ask::Savepoint(answer)) => {
                let busy = "the job failed and is about to be started again; ask for the savepoint then";
                let _ = answer.send(Err(Failure::external(busy)));
            }
            Message::Event(_) => {}
        }
    }
    Ok(())
}

impl Shared {
    fn set_status(&self, status: JobStatus) {
        self.status.store(status as u8, Ordering::Release);
    }

    fn status(&self) -> JobStatus {
        match self.status.load(Ordering::Acquire) {
            0 => JobStatus::Running,
            1 => JobStatus::Restarting,
            2 => JobStatus::Finished,
            3 => JobStatus::Canceled,
            _ => JobStatus::Failed,
        }
    }
}

impl JobHandle {
    /// What the job is doing.
    pub fn status(&self) -> JobStatus {
        self.shared.status()
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
        self.remote.cancel();
    }

    /// Ends the job in order: sources stop, what is in flight is processed, a last checkpoint is taken and sinks
    /// commit. Without checkpoints, open windows fire, since nothing could fire them later.
    pub fn stop(&self) {
        self.remote.stop();
    }

    /// Something to stop or cancel the job with from elsewhere, such as a signal handler.
    pub fn remote(&self) -> JobRemote {
        self.remote.clone()
    }

    /// Takes a savepoint: a checkpoint that is kept until somebody deletes it. Gives its name.
    ///
    /// # Errors
    /// If the job takes no checkpoints, or this one failed.
    pub fn savepoint(&self) -> Result<String> {
        let (answer, answered) = channel();
        let gone = || Failure::user("the job has ended; a savepoint is taken of a running job");
        self.remote.messages.send(Message::Ask(Ask::Savepoint(answer))).map_err(|_| gone())?;
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
pub struct JobRemote {
    messages: Sender<Message>,
    /// What the job's thread sees while it commits and hears nothing.
    is_cancelled: Arc<AtomicBool>,
}

impl JobRemote {
    /// As [`JobHandle::stop`].
    pub fn stop(&self) {
        let _ = self.messages.send(Message::Ask(Ask::Stop));
    }

    /// As [`JobHandle::cancel`].
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
        let _ = self.messages.send(Message::Ask(Ask::Cancel));
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

/// The store's error as a failure, its fault and retry kept.
pub(crate) fn store_failure(error: StoreError) -> Failure {
    let (fault, retry, text) = (error.fault(), error.retry(), error.to_string());
    let failure = match fault {
        Fault::User => Failure::user(text),
        Fault::External => Failure::external(text),
        Fault::Internal => Failure::internal(text),
    };
    // The text has what the system said, and what to do.
    failure.retry(if retry == Retry::Yes { Retry::Yes } else { Retry::No })
}

/// The store of a job, where it has one.
pub(crate) type Store = Arc<CheckpointStore>;

#[cfg(test)]
#[cfg(feature = "model")]
mod model;
