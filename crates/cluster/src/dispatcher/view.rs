//! What is shown of the state: the answers of the REST interface.
//!
//! Holds: nothing secret is in it.

use millstream_runtime::control::{
    ChainWork, CheckpointRecord, ExceptionRecord, ExecutorId, Graph, OperatorReport, Report, SourceGauge,
};
use millstream_runtime::job::JobStatus;
use serde::{Deserialize, Serialize};

use super::Dispatcher;
use super::event::{JobId, JobRecord, WorkerId};
use super::job::{Job, Master};
use super::jobs::EndedJob;
use super::outcome::{Cause, End};

/// The cluster in a few numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Of the job manager.
    pub version: String,
    /// How many workers are connected.
    pub workers: usize,
    /// Their slots.
    pub slots: u32,
    /// Those that no job has.
    pub slots_free: u32,
    /// Jobs that have not ended.
    pub jobs_running: usize,
    /// Jobs that have, as far as they are listed.
    pub jobs_ended: usize,
}

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerView {
    /// Its number.
    pub id: WorkerId,
    /// Its name and address.
    pub name: String,
    /// Its slots.
    pub slots: u32,
    /// Those that no job has.
    pub slots_free: u32,
    /// When it joined, in milliseconds since 1970.
    pub since: i64,
    /// What runs there.
    pub executors: Vec<ExecutorView>,
}

/// An executor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorView {
    /// Its number.
    pub id: ExecutorId,
    /// Whose it is; nobody's if it is left over from a job manager before.
    pub job: Option<JobId>,
    /// Where it is.
    pub worker: WorkerId,
    /// Its slots.
    pub slots: u32,
    /// Whether it was told to end.
    pub ending: bool,
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Its master is being started.
    Starting,
    /// Its master waits for slots.
    Waiting,
    /// It runs.
    Running,
    /// Its master died, or it failed and is started again.
    Restarting,
    /// It is about to end.
    Ending,
    /// Its program came to its end.
    Finished,
    /// It was told to end.
    Canceled,
    /// It failed for good.
    Failed,
}

impl JobState {
    /// Whether nothing will change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Canceled | Self::Failed)
    }
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSummary {
    /// Its name in the cluster.
    pub id: JobId,
    /// The name that its program gave it; until then its file's.
    pub name: String,
    /// What it is doing.
    pub state: JobState,
    /// When it was submitted, in milliseconds since 1970.
    pub submitted: i64,
    /// When it ended.
    pub ended: Option<i64>,
    /// How many slots it has.
    pub slots: u32,
    /// What it waits for, where it waits.
    pub waits_for: Option<String>,
}

/// All about a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobView {
    /// As in the list.
    #[serde(flatten)]
    pub summary: JobSummary,
    /// The SHA-256 of its program.
    pub program: String,
    /// Its program's file.
    pub file_name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How many slots it needs.
    pub slots_needed: u32,
    /// How many masters it has had.
    pub term: u64,
    /// How often it was started again after a failure, in this term.
    pub restarts: u32,
    /// The subtasks of its widest chain.
    pub parallelism: u32,
    /// The plan in a few lines.
    pub plan: String,
    /// The plan as data.
    pub graph: Graph,
    /// What passed through the operators of the graph, in its order.
    pub operators: Vec<OperatorView>,
    /// Records in channels.
    pub records_in_flight: u64,
    /// The last checkpoints, the newest at the end.
    pub checkpoints: Vec<CheckpointRecord>,
    /// The last failures that its master told of, the newest at the end.
    pub exceptions: Vec<ExceptionRecord>,
    /// The last deaths of its processes, the newest at the end.
    pub deaths: Vec<Cause>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// Its processes.
    pub executors: Vec<ExecutorView>,
}

/// What passed through an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorView {
    /// Its name.
    pub name: String,
    /// What its state is found by.
    pub uid: String,
    /// `source`, `operator` or `sink`.
    pub kind: String,
    /// How many subtasks it has.
    pub parallelism: u32,
    /// Records that came in, in this attempt.
    pub records_in: u64,
    /// Records that went out, in this attempt.
    pub records_out: u64,
    /// Records that were left out because of an error.
    pub records_skipped: u64,
    /// Of late.
    pub records_in_per_second: f64,
    /// Of late.
    pub records_out_per_second: f64,
    /// Bytes that came into its chain from other processes, in this attempt.
    pub bytes_in: u64,
    /// Bytes that went out of its chain to other processes, in this attempt.
    pub bytes_out: u64,
    /// Of late.
    pub bytes_in_per_second: f64,
    /// Of late.
    pub bytes_out_per_second: f64,
    /// The share of their time, of late, that the subtasks of its chain worked: 0 to 1.
    pub busy: f64,
    /// The share that they waited for input.
    pub idle: f64,
    /// The share that they waited for room in the channels behind them.
    pub backpressured: f64,
    /// The lowest watermark of its subtasks, in milliseconds since 1970.
    pub watermark: Option<i64>,
    /// How far that was behind the job manager's clock when it was reported, in milliseconds.
    pub watermark_lag: Option<i64>,
    /// What the readers of a source publish, such as how far they are behind.
    pub gauges: Vec<SourceGauge>,
}

impl Dispatcher {
    /// The cluster in a few numbers.
    #[must_use]
    pub fn overview(&self) -> Overview {
        Overview {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            workers: self.workers.len(),
            slots: self.slots_in_all(),
            slots_free: self.slots_free(),
            jobs_running: self.jobs.len(),
            jobs_ended: self.ended.len(),
        }
    }

    /// Its workers.
    #[must_use]
    pub fn workers(&self) -> Vec<WorkerView> {
        let free = self.free_by_worker();
        let view = |(id, worker): (&WorkerId, &super::Worker)| WorkerView {
            id: *id,
            name: worker.name.clone(),
            slots: worker.slots,
            slots_free: free.get(id).copied().unwrap_or_default(),
            since: worker.since,
            executors: self.executor_views(|executor| executor.worker == *id),
        };
        self.workers.iter().map(view).collect()
    }

    /// All jobs that it knows, the oldest first.
    #[must_use]
    pub fn jobs(&self) -> Vec<JobSummary> {
        let ended = self.ended.iter().map(summary_of_ended);
        let mut all: Vec<JobSummary> = ended.chain(self.jobs.values().map(|job| self.summary(job))).collect();
        all.sort_by_key(|job| job.id);
        all
    }

    /// All about one.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<JobView> {
        if let Some(job) = self.jobs.get(&id) {
            return Some(self.view(job));
        }
        self.ended.iter().find(|ended| ended.record.id == id).map(view_of_ended)
    }

    fn executor_views(&self, which: impl Fn(&super::Executor) -> bool) -> Vec<ExecutorView> {
        let chosen = self.executors.iter().filter(|(_, executor)| which(executor));
        let view = |(id, executor): (&ExecutorId, &super::Executor)| ExecutorView {
            id: *id,
            job: executor.job,
            worker: executor.worker,
            slots: executor.slots,
            ending: executor.ending,
        };
        chosen.map(view).collect()
    }

    fn summary(&self, job: &Job) -> JobSummary {
        let report = job.reports.last.as_ref().map(|(_, report)| report);
        let state = match job.master {
            Master::Pause { .. } | Master::Started { .. } if job.crashes.in_a_row() > 0 => {
                JobState::Restarting
            }
            Master::Pause { .. } | Master::Started { .. } => JobState::Starting,
            Master::Lost { .. } => JobState::Restarting,
            Master::Killed { .. } if job.doom.is_some() => JobState::Ending,
            Master::Killed { .. } => JobState::Restarting,
            Master::Here { .. } if job.canceled.is_some() => JobState::Ending,
            Master::Here { .. } if job.waits_since.is_some() => JobState::Waiting,
            Master::Here { .. } => match report.map(|report| report.status) {
                Some(JobStatus::Restarting) => JobState::Restarting,
                Some(_) => JobState::Running,
                None => JobState::Starting,
            },
        };
        JobSummary {
            id: job.id,
            name: report.map_or_else(|| job.submission.file_name.clone(), |report| report.name.clone()),
            state,
            submitted: job.submitted,
            ended: None,
            slots: self.granted(job.id),
            waits_for: self.waits_for(job.id).or_else(|| report.and_then(|report| report.waits_for.clone())),
        }
    }

    fn view(&self, job: &Job) -> JobView {
        let report = job.reports.last.as_ref().map(|(_, report)| report);
        let causes = job.crashes.causes().into_iter().chain(job.executor_crashes.causes()).collect();
        let mut view = job_view(self.summary(job), &job.record(None), report, causes);
        view.operators = operators(job);
        view.slots_needed = job.need;
        view.executors = self.executor_views(|executor| executor.job == Some(job.id));
        view
    }
}

fn summary_of_ended(ended: &EndedJob) -> JobSummary {
    let record = &ended.record;
    JobSummary {
        id: record.id,
        name: record.name.clone().unwrap_or_else(|| record.submission.file_name.clone()),
        state: match ended.outcome.state {
            End::Finished => JobState::Finished,
            End::Canceled => JobState::Canceled,
            End::Failed => JobState::Failed,
        },
        submitted: record.submitted,
        ended: Some(ended.outcome.at),
        slots: 0,
        waits_for: None,
    }
}

fn view_of_ended(ended: &EndedJob) -> JobView {
    let causes = ended.causes.clone();
    let mut view = job_view(summary_of_ended(ended), &ended.record, ended.report.as_ref(), causes);
    view.failure = ended.outcome.failure.clone();
    view
}

fn job_view(
    summary: JobSummary,
    record: &JobRecord,
    report: Option<&Report>,
    mut deaths: Vec<Cause>,
) -> JobView {
    deaths.sort_by_key(|cause| cause.at);
    let submission = &record.submission;
    JobView {
        summary,
        program: submission.program.clone(),
        file_name: submission.file_name.clone(),
        arguments: submission.arguments.clone(),
        slots_needed: 0,
        term: record.term,
        restarts: report.map(|report| report.restarts).unwrap_or_default(),
        parallelism: report.map(|report| report.parallelism).unwrap_or_default(),
        plan: report.map(|report| report.plan.clone()).unwrap_or_default(),
        graph: report.map(|report| report.graph.clone()).unwrap_or_default(),
        operators: report.map(|report| rows(report, None, None)).unwrap_or_default(),
        records_in_flight: report.map(|report| report.records_in_flight).unwrap_or_default(),
        checkpoints: report.map(|report| report.checkpoints.clone()).unwrap_or_default(),
        exceptions: report.map(|report| report.exceptions.clone()).unwrap_or_default(),
        deaths,
        failure: None,
        executors: Vec::new(),
    }
}

/// The operators with their rates, from the last two reports.
fn operators(job: &Job) -> Vec<OperatorView> {
    let Some((now, report)) = &job.reports.last else { return Vec::new() };
    let before = job.reports.before.as_ref();
    let before = before.map(|(then, passed)| (now.steady.saturating_sub(then.steady), passed.as_slice()));
    rows(report, before, Some(now.wall))
}

fn rows(report: &Report, before: Option<(u64, &[OperatorReport])>, wall: Option<i64>) -> Vec<OperatorView> {
    let nodes = report.graph.nodes.iter().zip(&report.operators).enumerate();
    let row =
        |(place, (node, passed)): (usize, (&millstream_runtime::control::GraphNode, &OperatorReport))| {
            let then = before.and_then(|(passed_by, then)| Some((passed_by, then.get(place)?)));
            let per_second = |pick: fn(&OperatorReport) -> u64| match then {
                // A new attempt counts from nothing.
                Some((millis, then)) if millis > 0 => {
                    pick(passed).saturating_sub(pick(then)) as f64 * 1000.0 / millis as f64
                }
                _ => 0.0,
            };
            let since = then.filter(|(_, then)| then.chain.alive <= passed.chain.alive);
            let alive = passed.chain.alive - since.map_or(0, |(_, then)| then.chain.alive);
            let share = |pick: fn(&ChainWork) -> u64| {
                let spent =
                    pick(&passed.chain).saturating_sub(since.map_or(0, |(_, then)| pick(&then.chain)));
                if alive == 0 { 0.0 } else { (spent as f64 / alive as f64).min(1.0) }
            };
            OperatorView {
                name: node.name.clone(),
                uid: node.uid.clone(),
                kind: node.kind.clone(),
                parallelism: node.parallelism,
                records_in: passed.records_in,
                records_out: passed.records_out,
                records_skipped: passed.records_skipped,
                records_in_per_second: per_second(|of| of.records_in),
                records_out_per_second: per_second(|of| of.records_out),
                bytes_in: passed.chain.bytes_in,
                bytes_out: passed.chain.bytes_out,
                bytes_in_per_second: per_second(|of| of.chain.bytes_in),
                bytes_out_per_second: per_second(|of| of.chain.bytes_out),
                busy: share(ChainWork::busy),
                idle: share(|work| work.idle),
                backpressured: share(|work| work.backpressured),
                watermark: passed.watermark,
                // At the end of its input an operator is ahead of every clock.
                watermark_lag: passed
                    .watermark
                    .filter(|time| *time < i64::MAX / 2)
                    .zip(wall)
                    .map(|(watermark, wall)| wall.saturating_sub(watermark)),
                gauges: passed.gauges.clone(),
            }
        };
    nodes.map(row).collect()
}
