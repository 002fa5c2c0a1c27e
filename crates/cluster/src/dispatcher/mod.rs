//! What a job manager decides: a state, changed by events, that says what to do.
//!
//! Answers for jobs, masters, slots and answers: who is started where, told what, ended when. Not for how: it does
//! nothing itself, has no clock (the time comes with each event) and no source of chance (secrets come with events).
//! So a schedule of events can be played again, and `simulation` plays millions.
//!
//! | file | decides |
//! |---|---|
//! | `jobs` | submission, the end of a job, what is remembered |
//! | `masters` | a master's life: start, first words, crash, back-off, end |
//! | `asks` | what is asked of a job, and that each question is answered once |
//! | `workers` | workers and executors that come and go |
//! | `scheduling`, `placement` | who gets slots, and where |
//! | `view` | what is shown of it all |
//!
//! Holds: no slot is granted twice, those of lost workers not at all; an executor's number is used once; of a job at most
//! one master's process lives, and only the last one is listened to; every reply gets one answer; when a job has ended,
//! all its executors have been told to.

mod asks;
#[cfg(test)]
mod driven;
mod event;
mod job;
mod jobs;
mod limits;
mod masters;
mod outcome;
mod placement;
mod scheduling;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod view;
mod workers;

use std::collections::{BTreeMap, VecDeque};

use millstream_runtime::control::ExecutorId;

use self::job::Job;
use self::workers::{Executor, Worker};

pub use event::{
    Action, Event, Exit, JobId, JobRecord, Kind, Moment, ReplyId, Start, Submission, Wish, WorkerId,
};
pub use limits::Limits;
pub use outcome::{Cause, End, Outcome};
pub use view::{ExecutorView, JobState, JobSummary, JobView, OperatorView, Overview, WorkerView};

/// The state.
#[derive(Debug)]
pub struct Dispatcher {
    limits: Limits,
    workers: BTreeMap<WorkerId, Worker>,
    executors: BTreeMap<ExecutorId, Executor>,
    /// Those that have not ended, the oldest first.
    jobs: BTreeMap<JobId, Job>,
    /// Those that have, in the order of their ends.
    ended: VecDeque<jobs::EndedJob>,
    next_job: u64,
    next_executor: u64,
    next_ask: u64,
    /// What is to be done, while an event is handled.
    actions: Vec<Action>,
}

impl Dispatcher {
    /// Nothing yet. Of what is started after `incarnation` starts of job managers on the same folder, no executor has a
    /// number of theirs.
    #[must_use]
    pub fn new(limits: Limits, incarnation: u32) -> Self {
        Self {
            limits,
            workers: BTreeMap::new(),
            executors: BTreeMap::new(),
            jobs: BTreeMap::new(),
            ended: VecDeque::new(),
            next_job: 1,
            next_executor: u64::from(incarnation) << 32,
            next_ask: 0,
            actions: Vec::new(),
        }
    }

    /// Takes in what happened, and says what to do, in this order.
    pub fn handle(&mut self, now: Moment, event: Event) -> Vec<Action> {
        match event {
            Event::WorkerJoined { worker, name, slots, running } => {
                self.worker_joined(now, worker, name, slots, running);
            }
            Event::WorkerLost { worker, why } => self.worker_lost(now, worker, &why),
            Event::ExecutorExited { worker, executor, why } => {
                self.executor_exited(now, worker, executor, &why);
            }
            Event::Submit { reply, submission, token } => self.submit(now, reply, submission, token),
            Event::Restore { record, token } => self.restore(now, record, token),
            Event::Wished { reply, job, wish } => self.wished(now, reply, job, wish),
            Event::MasterSaid { job, term, said } => self.master_said(now, job, term, said),
            Event::MasterLost { job, term, why } => self.master_lost(now, job, term, &why),
            Event::MasterExited { job, term, exit } => self.master_exited(now, job, term, &exit),
            Event::MasterNotStarted { job, term, failure } => {
                self.master_not_started(now, job, term, &failure);
            }
            Event::Tick => {}
        }
        self.masters_in_time(now);
        self.schedule(now);
        std::mem::take(&mut self.actions)
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }
}
