//! How the job is that runs, for people.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use millstream_model::error::Failure;

use super::super::action::Action;
use super::There;
use crate::control::{ExceptionRecord, Graph, Report};
use crate::job::JobStatus;

/// How many failures are told.
const FAILURES: usize = 16;

/// The job that runs, or ran last.
pub(super) struct Current {
    pub(super) number: u64,
    pub(super) fingerprint: String,
    name: String,
    status: JobStatus,
    /// Whether its first task may run.
    pub(super) has_begun: bool,
    /// When there was somebody to run its tasks.
    pub(super) came_first: Option<Instant>,
    waits_for: Option<String>,
    failures: Vec<ExceptionRecord>,
}

impl Current {
    pub(super) fn new(number: u64, fingerprint: &str, action: &Action) -> Self {
        let (name, id) = (action.dataset.name(), action.dataset.id().0);
        Self {
            number,
            fingerprint: fingerprint.to_owned(),
            name: format!("action on {name} (rdd {id})"),
            status: JobStatus::Running,
            has_begun: false,
            came_first: None,
            waits_for: None,
            failures: Vec::new(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.status == JobStatus::Running
    }

    pub(super) fn waits_for(&mut self, what: Option<String>) {
        if let Some(what) = &what
            && self.waits_for.as_ref() != Some(what)
        {
            tracing::info!("the job waits: {what}");
        }
        self.waits_for = what;
    }

    pub(super) fn failed(&mut self, failure: &Failure) {
        if self.failures.len() == FAILURES {
            self.failures.remove(0);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        self.failures.push(ExceptionRecord {
            at,
            failure: failure.to_string(),
            detail: failure.detail().map(str::to_owned),
        });
    }

    pub(super) fn end(&mut self, failure: Option<&Failure>) {
        self.waits_for = None;
        self.status = match failure {
            None => JobStatus::Finished,
            Some(failure) if failure.is_cancelled() => JobStatus::Canceled,
            Some(_) => JobStatus::Failed,
        };
    }
}

impl There {
    /// How the job is.
    pub(super) fn report_now(&self) -> Option<Report> {
        let stages: Vec<String> = (self.jobs.progress().iter().flatten())
            .map(|stage| {
                let (name, id, done, tasks) = (&stage.name, stage.dataset.0, stage.done, stage.tasks);
                format!("stage of {name} (rdd {id}): {done} of {tasks} tasks done, {} run", stage.active)
            })
            .collect();
        let state = self.lock();
        let job = state.job.as_ref()?;
        Some(Report {
            name: job.name.clone(),
            status: job.status,
            waits_for: job.waits_for.clone(),
            number: job.number,
            restarts: 0,
            parallelism: self.slots,
            plan: stages.join("\n"),
            graph: Graph::default(),
            operators: Vec::new(),
            records_in_flight: 0,
            checkpoints: Vec::new(),
            exceptions: job.failures.clone(),
        })
    }
}
