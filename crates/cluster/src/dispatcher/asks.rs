//! What is asked of a job from outside, and the answers.
//!
//! Holds: every question that was taken is answered once: by the master, by the end of the job, by the death of the
//! master, or at once where there is nobody to ask.

use millstream_model::error::Failure;
use millstream_runtime::control::{Ask, AskId, ToMaster};

use super::Dispatcher;
use super::event::{Action, JobId, Moment, ReplyId, Wish};
use super::job::{Again, Master, OpenAsk};
use super::outcome::{End, Outcome};

impl Dispatcher {
    pub(super) fn wished(&mut self, now: Moment, reply: ReplyId, id: JobId, wish: Wish) {
        let (what, rescale) = match wish {
            Wish::Master(ask) => (ask, None),
            Wish::Rescale { parallelism } => (Ask::StopWithSavepoint, Some(parallelism)),
        };
        let Some(job) = self.jobs.get_mut(&id) else {
            let failure = self.not_running(id);
            return self.act(Action::Reply(reply, Err(failure)));
        };
        let ask = AskId(self.next_ask);
        self.next_ask += 1;
        let term = job.term;
        match (job.master, what) {
            (_, Ask::Cancel) if job.is_driven() => {
                job.asks.insert(ask, OpenAsk { reply, what, rescale });
                self.doom(id, canceled(now));
            }
            _ if job.is_driven() => {
                let failure = Failure::user(format!("{id} ends when the program ends that submitted it"))
                    .advice(format!("to end it at once: millstream cancel {id}"));
                self.act(Action::Reply(reply, Err(failure)));
            }
            (Master::Here { .. }, _) => {
                job.asks.insert(ask, OpenAsk { reply, what, rescale });
                if what == Ask::Cancel {
                    job.canceled.get_or_insert(now.steady);
                }
                self.act(Action::TellMaster { job: id, term, what: ToMaster::Ask(ask, what) });
            }
            (_, Ask::Cancel) => {
                job.asks.insert(ask, OpenAsk { reply, what, rescale });
                self.doom(id, canceled(now));
            }
            (_, Ask::Stop | Ask::StopWithSavepoint | Ask::Savepoint) => {
                let failure = Failure::external(format!("{id} does not run at the moment"))
                    .advice(format!("see what it waits for: millstream status {id}"))
                    .advice(format!("to end it at once: millstream cancel {id}"));
                self.act(Action::Reply(reply, Err(failure)));
            }
        }
    }

    /// A master's answer, or one in its place.
    pub(super) fn answered(&mut self, id: JobId, ask: AskId, answer: Result<String, Failure>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(open) = job.asks.remove(&ask) else { return };
        let answer = match (open.rescale, answer) {
            (Some(parallelism), Ok(savepoint)) => {
                job.again = Some(Again { savepoint: savepoint.clone(), parallelism });
                Ok(format!("{id} goes on from {savepoint} with parallelism {parallelism}"))
            }
            (_, answer) => answer,
        };
        self.act(Action::Reply(open.reply, answer));
    }

    /// A cancelled job that does not end is ended.
    pub(super) fn asks_in_time(&mut self, now: Moment, id: JobId) {
        let limit = self.limits.leaving;
        let Some(job) = self.jobs.get(&id) else { return };
        let overdue = job.canceled.is_some_and(|since| now.steady.saturating_sub(since) >= limit);
        if job.doom.is_none() && overdue {
            self.doom(id, canceled(now));
        }
    }
}

pub(super) fn canceled(now: Moment) -> Outcome {
    let failure = Some("the job was cancelled".to_owned());
    Outcome { state: End::Canceled, at: now.wall, failure }
}

/// The answer to what the master had not answered when the job ended.
pub(super) fn answer_at_the_end(id: JobId, open: &OpenAsk, outcome: &Outcome) -> Result<String, Failure> {
    match (open.what, open.rescale, outcome.state) {
        (Ask::Cancel, _, End::Canceled) => Ok(format!("{id} is cancelled")),
        (Ask::Cancel | Ask::Stop, None, End::Finished | End::Canceled) => Ok(format!("{id} has ended")),
        (_, _, End::Failed) => Err(Failure::external(format!("{id} failed before it answered"))
            .because(outcome.failure.clone().unwrap_or_default())),
        _ => Err(Failure::external(format!("{id} ended before it answered"))
            .advice("the input may have come to its end just then: there is no savepoint of this call")),
    }
}
