//! The life of a master.
//!
//! A process that is killed by a signal, or that loses its connection, is started again with a later term, after a wait
//! that grows. One that ends by itself has decided to: with exit code 0 its job has finished (whether or
//! not its last word was heard), with another it has failed.
//! Holds: nobody is listened to but the master of the last term; a new one is started when the last one's end was seen.

use millstream_model::error::Failure;
use millstream_runtime::control::{AskId, DESERTED, ToManager};
use millstream_runtime::job::JobStatus;

use super::Dispatcher;
use super::asks::canceled;
use super::event::{Action, Exit, JobId, Moment};
use super::job::{Job, Master};
use super::outcome::{End, Outcome};

impl Dispatcher {
    pub(super) fn master_said(&mut self, now: Moment, id: JobId, term: u64, said: ToManager) {
        let Some(job) = self.listened_to(id, term) else { return };
        match (said, job.master) {
            (ToManager::Here { executors }, Master::Started { at }) => {
                job.master = Master::Here { at, executors };
                job.was_here = true;
            }
            (ToManager::Need { slots, least }, Master::Here { .. }) => {
                (job.need, job.least) = (slots, least.min(slots));
                // The master waits for an answer even where nothing changes.
                job.told = None;
            }
            (ToManager::Report(report), Master::Here { .. }) => {
                let named = job.reports.last.as_ref().is_some_and(|(_, last)| last.name == report.name);
                job.reports.take(now, *report);
                if !named {
                    let record = job.record(None);
                    self.act(Action::Keep(record));
                }
            }
            (ToManager::Answer(ask, answer), _) => self.answered(id, ask, answer),
            (ToManager::Ended { failure }, Master::Here { .. }) if job.is_driven() => {
                let state = if failure.is_some() { End::Failed } else { End::Finished };
                self.end(id, Outcome { state, at: now.wall, failure });
            }
            // Said twice, or after it was killed.
            (
                ToManager::Here { .. }
                | ToManager::Need { .. }
                | ToManager::Report(_)
                | ToManager::Ended { .. },
                _,
            ) => {}
        }
    }

    /// Its process may be about to end by itself, which then says more than the loss; if it is not, it is killed.
    pub(super) fn master_lost(&mut self, now: Moment, id: JobId, term: u64, why: &str) {
        let Some(job) = self.listened_to(id, term) else { return };
        if job.is_driven() {
            let failure = Some(format!("the program that submitted it is gone: {why}"));
            return self.end(id, Outcome { state: End::Failed, at: now.wall, failure });
        }
        if let Master::Started { at } | Master::Here { at, .. } = job.master {
            job.master = Master::Lost { born: at, at: now.steady };
            job.lost_because = format!("the connection to its master was lost: {why}");
        }
    }

    pub(super) fn master_exited(&mut self, now: Moment, id: JobId, term: u64, exit: &Exit) {
        let Some(job) = self.listened_to(id, term) else { return };
        let Some(born) = job.born() else { return };
        if let Some(outcome) = job.doom.clone() {
            return self.end(id, Outcome { at: now.wall, ..outcome });
        }
        if job.again.is_some() {
            return self.start_again(now, id);
        }
        let outcome = |state, failure| Outcome { state, at: now.wall, failure };
        match (job.master, exit.code) {
            (Master::Killed { .. }, _) => self.start_after_a_crash(now, id, born, None),
            (Master::Here { .. } | Master::Lost { .. }, Some(0)) if job.was_here => {
                let status = job.reports.last.as_ref().map(|(_, report)| report.status);
                let state = match status {
                    Some(JobStatus::Canceled) => End::Canceled,
                    Some(JobStatus::Failed) => End::Failed,
                    _ => End::Finished,
                };
                self.end(id, outcome(state, None));
            }
            // A program that was cancelled may well call that a failure.
            _ if job.canceled.is_some() => self.end(id, canceled(now)),
            (_, Some(code)) if code != DESERTED => {
                let failure = failed_by_itself(job, exit);
                self.end(id, outcome(End::Failed, Some(failure)));
            }
            // Killed, or at a loss without its connection.
            _ => {
                self.start_after_a_crash(now, id, born, Some(format!("its master died: {exit}")));
            }
        }
    }

    pub(super) fn master_not_started(&mut self, now: Moment, id: JobId, term: u64, failure: &Failure) {
        if self.listened_to(id, term).is_none() {
            return;
        }
        self.end(id, Outcome { state: End::Failed, at: now.wall, failure: Some(failure.to_string()) });
    }

    /// Starts what is due, and ends what has been silent for too long.
    pub(super) fn masters_in_time(&mut self, now: Moment) {
        let ids: Vec<JobId> = self.jobs.keys().copied().collect();
        for id in ids {
            let limits = self.limits;
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            match job.master {
                Master::Pause { until } if until <= now.steady => {
                    job.master = Master::Started { at: now.steady };
                    let start = job.start();
                    self.act(Action::StartMaster(start));
                }
                Master::Lost { born, at } if now.steady.saturating_sub(at) >= limits.parting => {
                    let what = std::mem::take(&mut job.lost_because);
                    job.crashes.note(now.wall, what, now.steady.saturating_sub(born), limits.calm);
                    self.kill_master(id);
                }
                Master::Started { at } if now.steady.saturating_sub(at) >= limits.first_words => {
                    let failure = silent(&job.submission.file_name, limits.first_words);
                    self.doom(id, Outcome { state: End::Failed, at: now.wall, failure: Some(failure) });
                }
                _ => self.asks_in_time(now, id),
            }
        }
    }

    /// Kills the process, whose end is then waited for; its executors are nobody's any more.
    pub(super) fn kill_master(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(born) = job.born() else { return };
        let killed = matches!(job.master, Master::Killed { .. });
        let term = job.term;
        job.master = Master::Killed { born };
        (job.need, job.least) = (0, 0);
        if !killed {
            self.act(Action::EndMaster { job: id, term });
            self.end_executors(|executor| executor.job == Some(id));
        }
    }

    fn listened_to(&mut self, id: JobId, term: u64) -> Option<&mut Job> {
        self.jobs.get_mut(&id).filter(|job| job.term == term)
    }

    /// Another master after one that died, unless too many did.
    fn start_after_a_crash(&mut self, now: Moment, id: JobId, born: u64, cause: Option<String>) {
        let limits = self.limits;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if job.canceled.is_some() {
            return self.end(id, canceled(now));
        }
        if let Some(cause) = cause {
            job.crashes.note(now.wall, cause, now.steady.saturating_sub(born), limits.calm);
        }
        if job.crashes.in_a_row() > limits.masters_in_a_row {
            let times = job.crashes.in_a_row();
            let mut failure = format!("its master died {times} times in a row; the last causes:");
            for cause in job.crashes.causes() {
                failure += &format!("\n  {}", cause.what);
            }
            return self.end(id, Outcome { state: End::Failed, at: now.wall, failure: Some(failure) });
        }
        let pause = job.crashes.pause(limits.first_pause, limits.longest_pause);
        job.restore = None;
        self.begin_term(now, id, pause);
        self.fail_asks(id, |id| {
            Failure::external(format!("the master of {id} died before it answered")).advice("ask again")
        });
    }

    /// Another master after one that stopped to be started again.
    fn start_again(&mut self, now: Moment, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(again) = job.again.take() else { return };
        job.restore = Some(again.savepoint);
        job.parallelism = Some(again.parallelism);
        self.begin_term(now, id, 0);
        self.fail_asks(id, |id| {
            Failure::external(format!("{id} was rescaled before it answered")).advice("ask again")
        });
    }

    fn begin_term(&mut self, now: Moment, id: JobId, pause: u64) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.term += 1;
        job.master = Master::Pause { until: now.steady.saturating_add(pause) };
        (job.need, job.least) = (0, 0);
        job.told = None;
        job.waits_since = None;
        let record = job.record(None);
        self.end_executors(|executor| executor.job == Some(id));
        self.act(Action::Keep(record));
    }

    fn fail_asks(&mut self, id: JobId, failure: impl Fn(JobId) -> Failure) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let open: Vec<AskId> = job.asks.keys().copied().collect();
        for ask in open {
            self.answered(id, ask, Err(failure(id)));
        }
    }
}

fn failed_by_itself(job: &Job, exit: &Exit) -> String {
    let file = &job.submission.file_name;
    if !job.was_here {
        return format!(
            "{file} ended without a word to the job manager: {exit}\n  it is no program of Millstream's, or it ended \
             before its first job: see millstream logs {}",
            job.id
        );
    }
    format!("its program failed: {exit}")
}

fn silent(file: &str, limit: u64) -> String {
    format!(
        "{file} was started and said nothing to the job manager for {} s\n  it is no program of Millstream's, or it does \
         something long before its first job",
        limit / 1000
    )
}
