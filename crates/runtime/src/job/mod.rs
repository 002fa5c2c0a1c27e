//! A job from its start to its end: attempts, checkpoints, restarts.
//!
//! Answers for starting a job and for what its owner can see and ask of it. Not for what a subtask does.
//! Holds: when the handle's `wait` returns, the job's threads are gone or the error names those that are not.

mod attempt;
mod checkpoints;
mod coordinator;
mod counters;
mod crew;
mod history;
pub(crate) mod message;
mod pace;
mod restart;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use millstream_dataflow::graph::{JobGraph, NodeKind};
use millstream_dataflow::operator::Cancelled;
use millstream_model::error::{Failure, Fault, Result, Retry};
use millstream_state::{CheckpointStore, StoreError};
use serde::{Deserialize, Serialize};

pub(crate) use counters::Counters;
pub use counters::{Metrics, OperatorCounts};
pub use crew::there::master::DriverCharge;
pub(crate) use crew::there::master::{Attendee, Master, Stages};
pub(crate) use crew::there::other_plan;

use crate::control::RESCALED;
use crate::executor::Executor;
use crate::plan::Plan;
use crate::settings::{JobSettings, Restart};
use crate::site::{Site, site};
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use crate::sync::mpsc::channel;
use crate::sync::{Builder, JoinHandle, Mutex, Receiver, Sender, now, receive_until};
use attempt::{Attempt, Broken};
use checkpoints::{Checkpoints, Run};
use coordinator::Outcome;
use crew::{Crew, Here, there};
use history::History;
use message::{Ask, Message};
use restart::Restarts;

/// How a job is started again that lost a process.
const AFTER_LOSS: Restart = Restart::ExponentialDelay {
    initial: Duration::from_millis(20),
    max: Duration::from_secs(10),
    factor: 2.0,
    reset_after: Duration::from_secs(10),
};

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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

pub(crate) struct Shared {
    status: AtomicU8,
    pub(crate) plan: Arc<Plan>,
    /// What the last attempt runs, or ran, and what it counts.
    current: Mutex<(Arc<Plan>, Arc<Counters>)>,
    restarts: AtomicU32,
    pub(crate) history: Arc<Mutex<History>>,
}

/// Starts a job: on threads of its own, or, in a process that a cluster started, as its master or as an executor of it.
///
/// # Errors
/// If the graph or the settings are wrong, the checkpoint folder cannot be used, or the cluster be reached.
pub fn start(graph: JobGraph, settings: JobSettings) -> Result<JobHandle> {
    let site = site()?;
    let plan = Plan::new(graph, rescaled(settings, &site)?)?;
    match site {
        Site::Alone => {
            let checkpoints = Checkpoints::open(&plan, Run::default())?;
            run(plan, checkpoints, Box::new(Here))
        }
        Site::Master(master) => {
            check_travels(&plan)?;
            there::coordinate(&master, plan)
        }
        Site::Executor(executor) => {
            check_travels(&plan)?;
            take_part(&executor, plan)
        }
    }
}

/// The settings, with the parallelism that the cluster was asked for after the job had begun.
fn rescaled(mut settings: JobSettings, site: &Site) -> Result<JobSettings> {
    if let (Site::Master(_) | Site::Executor(_), Some(parallelism)) = (site, std::env::var_os(RESCALED)) {
        let parsed = parallelism.to_str().and_then(|text| text.parse().ok());
        let wrong = || {
            let shown = parallelism.display();
            Failure::user(format!("the variable {RESCALED} is `{shown}`"))
                .advice("it is a number of subtasks")
        };
        settings.parallelism = parsed.ok_or_else(wrong)?;
    }
    Ok(settings)
}

/// Refuses a plan that makes sense in one process only.
fn check_travels(plan: &Plan) -> Result<()> {
    let stays = plan
        .graph
        .nodes()
        .iter()
        .find(|node| matches!(&node.kind, NodeKind::Sink(sink) if sink.stays_in_the_process()));
    let Some(node) = stays else { return Ok(()) };
    Err(Failure::user(format!(
        "sink `{}` gathers results in the memory of one process, but on a cluster a job runs in several",
        node.name
    ))
    .advice("write the results to files, Kafka or another sink, or run the program without a cluster"))
}

fn run(plan: Arc<Plan>, checkpoints: Checkpoints, crew: Box<dyn Crew + Send>) -> Result<JobHandle> {
    tracing::info!(plan = %plan.describe(), "the job starts");
    let shared = Shared::new(plan, checkpoints.history());
    let (remote, messages) = JobRemote::new();
    coordinate(shared, checkpoints, crew, (remote, messages), |_| {})
}

/// Runs a job on a thread of its own; `ended` hears how it ended.
fn coordinate(
    shared: Arc<Shared>,
    mut checkpoints: Checkpoints,
    mut crew: Box<dyn Crew + Send>,
    (remote, messages): (JobRemote, Receiver<Message>),
    ended: impl FnOnce(&Result<JobResult>) + Send + 'static,
) -> Result<JobHandle> {
    let is_cancelled = remote.is_cancelled.clone();
    checkpoints.cancel_when(&Cancelled::when(move || is_cancelled.load(Ordering::Relaxed)));
    let (own, own_end) = (shared.clone(), remote.messages.clone());
    let thread = Builder::new().name(format!("job {}", shared.plan.settings.name)).spawn(move || {
        let result = attempts(&own, &mut checkpoints, &mut *crew, &messages, &own_end);
        own.set_ended(&result);
        ended(&result);
        result
    });
    let thread =
        thread.map_err(|error| Failure::external("the job's thread cannot be started").because(error))?;
    Ok(JobHandle { shared, remote, thread: Some(thread) })
}

/// Takes part in a job whose master is another process. What its handle is asked here goes nowhere: the same program asks it
/// there.
fn take_part(executor: &Arc<Executor>, plan: Arc<Plan>) -> Result<JobHandle> {
    let shared = Shared::new(plan.clone(), Arc::default());
    let (own, executor) = (shared.clone(), executor.clone());
    let thread = Builder::new().name(format!("job {}", plan.settings.name)).spawn(move || {
        let result = executor.take_part(&plan);
        own.set_ended(&result);
        result
    });
    let thread =
        thread.map_err(|error| Failure::external("the job's thread cannot be started").because(error))?;
    let (remote, _) = JobRemote::new();
    Ok(JobHandle { shared, remote, thread: Some(thread) })
}

fn attempts(
    shared: &Shared,
    checkpoints: &mut Checkpoints,
    crew: &mut dyn Crew,
    messages: &Receiver<Message>,
    to_coordinator: &Sender<Message>,
) -> Result<JobResult> {
    let (started, mut restarts) = (now(), Restarts::new(shared.plan.settings.restart.clone()));
    // What the cluster breaks it mends, whatever the program says of its own failures.
    let mut losses = Restarts::new(AFTER_LOSS);
    loop {
        let counters = Arc::new(Counters::new(shared.plan.graph.nodes().len()));
        let planned = crew.plan(&shared.plan, messages);
        let plan = planned.as_ref().unwrap_or(&shared.plan).clone();
        *shared.current.lock().unwrap_or_else(PoisonError::into_inner) = (plan.clone(), counters.clone());
        shared.set_status(JobStatus::Running);
        let attempt = Attempt {
            plan: &plan,
            number: u64::from(shared.restarts()) + 1,
            checkpoints,
            crew,
            counters: &counters,
            messages,
            to_coordinator,
        };
        let (failure, delay) = match planned.and_then(|_| attempt.run()) {
            Ok(outcome) => {
                return Ok(JobResult {
                    runtime: now().saturating_duration_since(started),
                    restarts: restarts.count() + losses.count(),
                    stopped: outcome == Outcome::Stopped,
                    checkpoints: checkpoints.completed(),
                });
            }
            Err(Broken::Outgrown(_)) => {
                tracing::info!("the job goes on with more subtasks");
                continue;
            }
            Err(Broken::ForGood(failure)) => {
                shared.remember(&failure);
                return Err(failure);
            }
            Err(Broken::Again(failure)) => {
                shared.remember(&failure);
                let Some(delay) = restarts.after_failure(now()) else {
                    return Err(restarts.exhausted(failure));
                };
                (failure, delay)
            }
            Err(Broken::Lost(failure)) => {
                shared.remember(&failure);
                let delay = losses.after_failure(now()).unwrap_or_default();
                (failure, delay)
            }
        };
        shared.restarts.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%failure, ?delay, attempt = shared.restarts(), "the job failed and is started again");
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
            Message::Ask(Ask::Savepoint(answer) | Ask::StopWithSavepoint(answer)) => {
                let busy = "the job failed and is about to be started again; ask for the savepoint then";
                let _ = answer.send(Err(Failure::external(busy)));
            }
            Message::Event(_) | Message::Lost(_) | Message::Stir => {}
        }
    }
    Ok(())
}

impl Shared {
    fn new(plan: Arc<Plan>, history: Arc<Mutex<History>>) -> Arc<Self> {
        let counters = Arc::new(Counters::new(plan.graph.nodes().len()));
        let current = Mutex::new((plan.clone(), counters));
        let (status, restarts) = (AtomicU8::new(JobStatus::Running as u8), AtomicU32::new(0));
        Arc::new(Self { status, plan, current, restarts, history })
    }

    fn set_ended(&self, result: &Result<JobResult>) {
        self.set_status(match result {
            Ok(result) if result.stopped => JobStatus::Canceled,
            Ok(_) => JobStatus::Finished,
            Err(failure) if failure.is_cancelled() => JobStatus::Canceled,
            Err(_) => JobStatus::Failed,
        });
    }

    /// Keeps a failure for those who ask.
    fn remember(&self, failure: &Failure) {
        if !failure.is_cancelled() {
            self.history.lock().unwrap_or_else(PoisonError::into_inner).failed(failure);
        }
    }

    /// How often the job was started again.
    pub(crate) fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// What has passed through the operators.
    pub(crate) fn metrics(&self) -> Metrics {
        let (plan, counters) = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        counters.read(&plan)
    }

    /// What the last attempt runs, or ran.
    pub(crate) fn current_plan(&self) -> Arc<Plan> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    fn set_status(&self, status: JobStatus) {
        self.status.store(status as u8, Ordering::Release);
    }

    pub(crate) fn status(&self) -> JobStatus {
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
        self.shared.metrics()
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
    /// One that reaches the coordinator who listens at the other end.
    fn new() -> (Self, Receiver<Message>) {
        let (messages, heard) = channel();
        (Self { messages, is_cancelled: Arc::default() }, heard)
    }

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
