//! A job that has not ended: its master, what it needs, what is asked of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use millstream_runtime::control::{Ask, AskId, Granted, OperatorReport, RESCALED, Report};

use super::event::{JobId, JobRecord, Moment, ReplyId, Start, Submission};
use super::outcome::{Crashes, Outcome};

/// Where the program reads what to start from.
const RESTORE: &str = "MILLSTREAM_RESTORE";

/// A job that runs, or is to.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: JobId,
    pub(super) submission: Submission,
    pub(super) token: String,
    pub(super) submitted: i64,
    /// Which master is the one that is listened to.
    pub(super) term: u64,
    pub(super) master: Master,
    /// Whether a master of this job has said its first words, ever.
    pub(super) was_here: bool,
    /// What is known of a connection that is gone.
    pub(super) lost_because: String,
    /// How many slots the master needs, by its last word.
    pub(super) need: u32,
    /// With so many of them it runs already.
    pub(super) least: u32,
    /// Since when it has fewer.
    pub(super) waits_since: Option<Moment>,
    /// What its master was told last.
    pub(super) told: Option<(Vec<Granted>, u32)>,
    /// The last report, and the one before it.
    pub(super) reports: Reports,
    pub(super) asks: BTreeMap<AskId, OpenAsk>,
    pub(super) crashes: Crashes,
    pub(super) executor_crashes: Crashes,
    /// No executor is started before this.
    pub(super) executors_not_before: u64,
    /// How it ends once its master's process has ended, if that is settled.
    pub(super) doom: Option<Outcome>,
    /// Since when it is to end at once.
    pub(super) canceled: Option<u64>,
    /// How it is to be started again once its master's process has ended.
    pub(super) again: Option<Again>,
    /// The savepoint that this term begins with; later ones begin with the last checkpoint by themselves.
    pub(super) restore: Option<String>,
    /// How many subtasks it was rescaled to.
    pub(super) parallelism: Option<u32>,
}

/// The process that directs a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Master {
    /// It will be started then.
    Pause { until: u64 },
    /// It was started and has said nothing.
    Started { at: u64 },
    /// It listens for executors there.
    Here { at: u64, executors: SocketAddr },
    /// Its connection is gone, and its process may be about to be.
    Lost { born: u64, at: u64 },
    /// It was killed, and its end has not been seen.
    Killed { born: u64 },
}

/// What waits for a master's answer.
#[derive(Debug)]
pub(super) struct OpenAsk {
    pub(super) reply: ReplyId,
    pub(super) what: Ask,
    /// Where the answer is a savepoint to go on from with this parallelism.
    pub(super) rescale: Option<u32>,
}

/// A start from a savepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) savepoint: String,
    pub(super) parallelism: u32,
}

/// What a master reported last.
#[derive(Debug, Default)]
pub(super) struct Reports {
    pub(super) last: Option<(Moment, Report)>,
    /// When, and how the operators were then.
    pub(super) before: Option<(Moment, Vec<OperatorReport>)>,
}

impl Reports {
    pub(super) fn take(&mut self, now: Moment, report: Report) {
        if let Some((at, last)) = self.last.take() {
            // Reports that come at once with a change say nothing about a rate.
            if self.before.is_none() || now.steady.saturating_sub(at.steady) >= 500 {
                self.before = Some((at, last.operators));
            }
        }
        self.last = Some((now, report));
    }
}

impl Job {
    pub(super) fn new(record: &JobRecord, token: String, now: Moment) -> Self {
        Self {
            id: record.id,
            submission: record.submission.clone(),
            token,
            submitted: record.submitted,
            term: record.term,
            master: Master::Pause { until: now.steady },
            was_here: false,
            lost_because: String::new(),
            need: 0,
            least: 0,
            waits_since: None,
            told: None,
            reports: Reports::default(),
            asks: BTreeMap::new(),
            crashes: Crashes::default(),
            executor_crashes: Crashes::default(),
            executors_not_before: 0,
            doom: None,
            canceled: None,
            again: None,
            restore: None,
            parallelism: record.parallelism,
        }
    }

    pub(super) fn record(&self, outcome: Option<Outcome>) -> JobRecord {
        JobRecord {
            id: self.id,
            submission: self.submission.clone(),
            submitted: self.submitted,
            term: self.term,
            outcome,
            name: self.reports.last.as_ref().map(|(_, report)| report.name.clone()),
            parallelism: self.parallelism,
        }
    }

    /// The process to start as its master now, or for it.
    pub(super) fn start(&self) -> Start {
        let mut submission = self.submission.clone();
        if let Some(parallelism) = self.parallelism {
            submission.environment.insert(RESCALED.into(), parallelism.to_string());
        }
        if let Some(savepoint) = &self.restore {
            submission.environment.insert(RESTORE.into(), savepoint.clone());
        }
        Start { job: self.id, term: self.term, token: self.token.clone(), submission }
    }

    /// Whether its master is the process that submitted it.
    pub(super) fn is_driven(&self) -> bool {
        self.submission.kind.is_driven()
    }

    /// Where its master listens for executors, if it does.
    pub(super) fn executors_join_at(&self) -> Option<SocketAddr> {
        match self.master {
            Master::Here { executors, .. } => Some(executors),
            _ => None,
        }
    }

    /// When the master's process was started, if there is one.
    pub(super) fn born(&self) -> Option<u64> {
        match self.master {
            Master::Pause { .. } => None,
            Master::Started { at } | Master::Here { at, .. } => Some(at),
            Master::Lost { born, .. } | Master::Killed { born } => Some(born),
        }
    }
}
