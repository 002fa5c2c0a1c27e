//! Jobs begin, end, and are remembered.

use millstream_model::error::Failure;
use millstream_runtime::control::Report;

use super::event::{Action, JobId, JobRecord, Moment, ReplyId, Submission};
use super::job::{Job, Master};
use super::outcome::{Cause, End, Outcome};
use super::{Dispatcher, asks};

/// What is remembered of a job.
#[derive(Debug)]
pub(super) struct EndedJob {
    pub(super) record: JobRecord,
    pub(super) outcome: Outcome,
    /// The last report of its master, if it is one that this job manager heard.
    pub(super) report: Option<Report>,
    pub(super) causes: Vec<Cause>,
}

impl Dispatcher {
    pub(super) fn submit(&mut self, now: Moment, reply: ReplyId, submission: Submission, token: String) {
        let id = JobId(self.next_job);
        self.next_job += 1;
        let submitted = now.wall;
        let record =
            JobRecord { id, submission, submitted, term: 1, outcome: None, name: None, parallelism: None };
        let mut job = Job::new(&record, token, now);
        if job.is_driven() {
            job.master = Master::Started { at: now.steady };
            let start = job.start();
            self.act(Action::ExpectMaster(start));
        }
        self.jobs.insert(id, job);
        self.act(Action::Keep(record));
        self.act(Action::Reply(reply, Ok(id.to_string())));
    }

    /// A job of a job manager before this one: what had not ended is started again, with a master of a later term.
    pub(super) fn restore(&mut self, now: Moment, mut record: JobRecord, token: String) {
        self.next_job = self.next_job.max(record.id.0 + 1);
        match record.outcome.clone() {
            Some(outcome) => self.remember(EndedJob { record, outcome, report: None, causes: Vec::new() }),
            None if record.submission.kind.is_driven() => {
                let failure = Some("the job manager that its program talked to is gone".to_owned());
                let outcome = Outcome { state: End::Failed, at: now.wall, failure };
                record.outcome = Some(outcome.clone());
                self.act(Action::Keep(record.clone()));
                self.remember(EndedJob { record, outcome, report: None, causes: Vec::new() });
            }
            None => {
                record.term += 1;
                self.jobs.insert(record.id, Job::new(&record, token, now));
                self.act(Action::Keep(record));
            }
        }
    }

    /// Ends a job whose master's process is gone.
    pub(super) fn end(&mut self, id: JobId, outcome: Outcome) {
        let Some(job) = self.jobs.remove(&id) else { return };
        self.end_executors(|executor| executor.job == Some(id));
        for open in job.asks.values() {
            self.act(Action::Reply(open.reply, asks::answer_at_the_end(id, open, &outcome)));
        }
        let record = job.record(Some(outcome.clone()));
        self.act(Action::Keep(record.clone()));
        let causes = job.crashes.causes().into_iter().chain(job.executor_crashes.causes()).collect();
        let report = job.reports.last.map(|(_, report)| report);
        self.remember(EndedJob { record, outcome, report, causes });
    }

    /// Ends a job as soon as its master's process is gone, which is killed if it is there.
    pub(super) fn doom(&mut self, id: JobId, outcome: Outcome) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let first = job.doom.get_or_insert(outcome).clone();
        // A program that was not started here is not ended here: it hears that it has no job any more.
        if job.born().is_none() || job.is_driven() {
            self.end(id, first);
        } else {
            self.kill_master(id);
        }
    }

    fn remember(&mut self, ended: EndedJob) {
        self.ended.push_back(ended);
        while self.ended.len() > self.limits.history {
            // The one with the lowest number, not the one that ended first: as long as the highest number is written down,
            // the next job manager gives it to no other job.
            let lowest =
                (0..self.ended.len()).min_by_key(|place| self.ended.get(*place).map(|job| job.record.id));
            let Some(oldest) = lowest.and_then(|place| self.ended.remove(place)) else { return };
            self.act(Action::Forget(oldest.record.id));
        }
    }

    /// The term and the seed of the secret of a job whose master is the process that submitted it.
    #[must_use]
    pub fn driven(&self, id: JobId) -> Option<(u64, String)> {
        let job = self.jobs.get(&id).filter(|job| job.is_driven())?;
        Some((job.term, job.token.clone()))
    }

    /// That there is no such job that runs, and why.
    pub(super) fn not_running(&self, id: JobId) -> Failure {
        if let Some(ended) = self.ended.iter().find(|ended| ended.record.id == id) {
            let how = match ended.outcome.state {
                End::Finished => "has finished",
                End::Canceled => "was cancelled",
                End::Failed => "has failed",
            };
            return Failure::user(format!("{id} {how} already"))
                .advice(format!("what it left behind: millstream status {id}, millstream logs {id}"));
        }
        let mut running: Vec<String> = self.jobs.keys().map(ToString::to_string).collect();
        if running.is_empty() {
            running.push("none".into());
        }
        Failure::user(format!("there is no job {id}"))
            .advice(format!("jobs that run: {}; all: millstream list", running.join(", ")))
    }
}
