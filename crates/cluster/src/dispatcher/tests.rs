//! Each decision once, in the order of a job's life. What holds under any schedule is in `simulation`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use millstream_model::error::Failure;
use millstream_runtime::control::{Ask, AskId, ExecutorId, ToManager, ToMaster};

use super::*;

const JOB: JobId = JobId(1);

/// A dispatcher with a clock, and what it said to do.
struct Desk {
    dispatcher: Dispatcher,
    now: u64,
    done: Vec<Action>,
    replies: BTreeMap<u64, Result<String, Failure>>,
    next_reply: u64,
}

impl Desk {
    fn new(limits: Limits) -> Self {
        let dispatcher = Dispatcher::new(limits, 0);
        Self { dispatcher, now: 0, done: Vec::new(), replies: BTreeMap::new(), next_reply: 0 }
    }

    /// With workers of so many slots.
    fn with(slots: &[u32]) -> Self {
        let mut desk = Self::new(Limits::default());
        for (number, slots) in slots.iter().enumerate() {
            desk.join(number as u64, *slots);
        }
        desk
    }

    fn tell(&mut self, event: Event) {
        let now = Moment { steady: self.now, wall: self.now as i64 };
        self.done.clear();
        for action in self.dispatcher.handle(now, event) {
            match action {
                Action::Reply(reply, answer) => {
                    assert!(self.replies.insert(reply.0, answer).is_none(), "answered twice");
                }
                action => self.done.push(action),
            }
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now += millis;
        self.tell(Event::Tick);
    }

    fn join(&mut self, number: u64, slots: u32) {
        let (worker, name) = (WorkerId(number), format!("w{number}"));
        self.tell(Event::WorkerJoined { worker, name, slots, running: Vec::new() });
    }

    fn submit(&mut self) {
        let submission = Submission {
            program: "abc".into(),
            kind: Kind::Binary,
            files: Vec::new(),
            file_name: "count".into(),
            arguments: vec!["--lines".into()],
            environment: BTreeMap::new(),
        };
        self.next_reply += 1;
        let reply = ReplyId(self.next_reply);
        self.tell(Event::Submit { reply, submission, token: "secret".into() });
    }

    fn said(&mut self, job: JobId, term: u64, said: ToManager) {
        self.tell(Event::MasterSaid { job, term, said });
    }

    fn here(&mut self, job: JobId, term: u64) {
        let executors: SocketAddr = ([127, 0, 0, 1], 99).into();
        self.said(job, term, ToManager::Here { executors });
    }

    fn need(&mut self, job: JobId, term: u64, slots: u32) {
        self.said(job, term, ToManager::Need { slots, least: slots });
    }

    /// A job whose master needs so many slots.
    fn job_that_needs(&mut self, slots: u32) -> JobId {
        self.submit();
        let job = JobId(self.next_reply);
        self.here(job, 1);
        self.need(job, 1, slots);
        job
    }

    fn wish(&mut self, wish: Wish) -> u64 {
        self.next_reply += 1;
        self.tell(Event::Wished { reply: ReplyId(self.next_reply), job: JOB, wish });
        self.next_reply
    }

    fn exits(&mut self, term: u64, code: Option<i32>) {
        let signal = code.is_none().then_some(9);
        let exit = Exit { code, signal, last_words: vec!["ouch".into()] };
        self.tell(Event::MasterExited { job: JOB, term, exit });
    }

    fn state(&self, job: JobId) -> JobState {
        self.dispatcher.job(job).unwrap().summary.state
    }

    fn failure(&self) -> String {
        self.dispatcher.job(JOB).unwrap().failure.unwrap()
    }

    /// Executors started by the last event: number, worker, slots.
    fn started(&self) -> Vec<(u64, u64, u32)> {
        let started = self.done.iter().filter_map(|action| match action {
            Action::StartExecutor { worker, executor, slots, .. } => Some((executor.0, worker.0, *slots)),
            _ => None,
        });
        started.collect()
    }

    fn ended(&self) -> Vec<u64> {
        let ended = self.done.iter().filter_map(|action| match action {
            Action::EndExecutor { executor, .. } => Some(executor.0),
            _ => None,
        });
        ended.collect()
    }

    /// The term of the master that was started by the last event.
    fn master(&self) -> Option<u64> {
        self.done.iter().find_map(|action| match action {
            Action::StartMaster(start) => Some(start.term),
            _ => None,
        })
    }

    fn kills_master(&self) -> bool {
        self.done.iter().any(|action| matches!(action, Action::EndMaster { .. }))
    }

    fn exited(&mut self, worker: u64, executor: u64) {
        let (worker, executor) = (WorkerId(worker), ExecutorId(executor));
        self.tell(Event::ExecutorExited { worker, executor, why: "it crashed".into() });
    }
}

#[test]
fn a_submitted_program_becomes_a_master_then_executors_on_all_workers() {
    let mut desk = Desk::with(&[2, 2]);
    desk.submit();
    assert_eq!(desk.replies[&1].as_ref().unwrap(), "job-1");
    assert_eq!(desk.master(), Some(1));
    desk.here(JOB, 1);
    desk.need(JOB, 1, 3);
    assert_eq!(desk.started(), [(0, 0, 2), (1, 1, 1)]);
    let told = desk.done.iter().find_map(|action| match action {
        Action::TellMaster { what: ToMaster::Slots { granted, free }, .. } => Some((granted.len(), *free)),
        _ => None,
    });
    assert_eq!(told, Some((2, 1)));
}

#[test]
fn a_job_that_waits_says_for_what_and_gets_it_when_a_worker_comes() {
    let mut desk = Desk::with(&[1]);
    let job = desk.job_that_needs(3);
    assert_eq!(desk.started(), [], "it could not run with a part");
    let summary = desk.dispatcher.job(job).unwrap().summary;
    assert_eq!(summary.state, JobState::Waiting);
    assert_eq!(
        summary.waits_for.unwrap(),
        "3 slots, of which it has 0; the cluster has 1, 1 of them free: start workers with 2 more, or lower the \
         program's parallelism"
    );
    desk.join(7, 4);
    assert_eq!(desk.started(), [(0, 7, 3)]);
    assert_eq!(desk.dispatcher.job(job).unwrap().summary.waits_for, None);
}

#[test]
fn nobody_overtakes_the_oldest_that_waits_but_who_fits_where_it_never_could() {
    let mut desk = Desk::with(&[2]);
    let first = desk.job_that_needs(1);
    let second = desk.job_that_needs(2);
    let third = desk.job_that_needs(1);
    assert_eq!((desk.state(second), desk.state(third)), (JobState::Waiting, JobState::Waiting));
    desk.need(first, 1, 0);
    desk.exited(0, 0);
    assert_eq!(desk.started(), [(1, 0, 2)], "all for the second");
    desk.need(second, 1, 9);
    desk.need(second, 1, 0);
    desk.exited(0, 1);
    desk.need(second, 1, 9);
    assert_eq!(desk.dispatcher.job(third).unwrap().summary.slots, 1, "nine there will never be");
}

#[test]
fn slots_held_by_a_younger_job_that_waits_are_taken_back() {
    let mut desk = Desk::with(&[2, 2, 4]);
    let old = desk.job_that_needs(4);
    let young = desk.job_that_needs(4);
    let on_third: Vec<_> = desk.dispatcher.workers()[2].executors.iter().map(|e| e.job).collect();
    assert!(on_third.contains(&Some(old)) || on_third.contains(&Some(young)));
    desk.tell(Event::WorkerLost { worker: WorkerId(2), why: "cut".into() });
    // Both lack some; the old one gets what the young one cannot run with.
    let taken = desk.ended();
    for executor in taken {
        let worker = desk
            .dispatcher
            .workers()
            .iter()
            .find(|w| w.executors.iter().any(|e| e.id.0 == executor))
            .unwrap()
            .id;
        desk.exited(worker.0, executor);
    }
    assert_eq!(desk.dispatcher.job(old).unwrap().summary.slots, 4);
    assert_eq!(desk.dispatcher.job(young).unwrap().summary.slots, 0);
}

#[test]
fn slots_are_free_when_the_end_of_the_process_was_seen() {
    let mut desk = Desk::with(&[2]);
    let job = desk.job_that_needs(2);
    desk.need(job, 1, 0);
    assert_eq!(desk.ended(), [0]);
    assert_eq!(desk.dispatcher.overview().slots_free, 0);
    desk.exited(0, 0);
    assert_eq!(desk.dispatcher.overview().slots_free, 2);
}

#[test]
fn an_executor_that_crashes_is_replaced_at_once_then_later_and_later() {
    let mut desk = Desk::with(&[1]);
    let job = desk.job_that_needs(1);
    desk.exited(0, 0);
    let gone = |action: &Action| matches!(action, Action::TellMaster { what: ToMaster::Gone { .. }, .. });
    assert!(desk.done.iter().any(gone), "its master is told");
    assert_eq!(desk.started(), [(1, 0, 1)]);
    desk.exited(0, 1);
    assert_eq!(desk.started(), []);
    desk.wait(499);
    assert_eq!(desk.started(), []);
    desk.wait(1);
    assert_eq!(desk.started(), [(2, 0, 1)]);
    let deaths = desk.dispatcher.job(job).unwrap().deaths;
    assert_eq!(deaths[0].what, "executor 0: it crashed");
}

#[test]
fn a_lost_worker_takes_its_slots_and_executors_with_it() {
    let mut desk = Desk::with(&[1, 1]);
    let job = desk.job_that_needs(2);
    desk.tell(Event::WorkerLost { worker: WorkerId(0), why: "cut".into() });
    let why = desk.done.iter().find_map(|action| match action {
        Action::TellMaster { what: ToMaster::Gone { executor, why }, .. } => Some((executor.0, why.clone())),
        _ => None,
    });
    assert_eq!(why, Some((0, "w0 is lost: cut".to_owned())));
    assert_eq!(desk.dispatcher.overview().slots, 1);
    assert_eq!(desk.state(job), JobState::Waiting);
    desk.join(5, 1);
    assert_eq!(desk.started(), [(2, 5, 1)], "no waiting: the process had not crashed");
}

#[test]
fn a_master_that_is_killed_is_started_again_with_a_later_term_that_alone_is_heard() {
    let mut desk = Desk::with(&[1]);
    desk.job_that_needs(1);
    desk.exits(1, None);
    assert_eq!((desk.master(), desk.ended()), (Some(2), vec![0]));
    desk.here(JOB, 1);
    desk.need(JOB, 1, 1);
    assert_eq!(desk.state(JOB), JobState::Restarting, "the old one has nothing to say");
    desk.exited(0, 0);
    desk.here(JOB, 2);
    desk.need(JOB, 2, 1);
    assert_eq!(desk.started(), [(1, 0, 1)]);
}

#[test]
fn a_master_that_dies_again_and_again_is_given_up_with_its_causes() {
    let mut desk = Desk::new(Limits { first_words: 1_000_000, ..Limits::default() });
    desk.submit();
    for term in 1..=Limits::default().masters_in_a_row.into() {
        desk.exits(term, None);
        desk.wait(Limits::default().longest_pause);
    }
    assert_eq!(desk.state(JOB), JobState::Restarting);
    desk.exits(11, None);
    assert_eq!(desk.state(JOB), JobState::Failed);
    let why = desk.failure();
    assert!(
        why.starts_with("its master died 11 times in a row; the last causes:\n  its master died: "),
        "{why}"
    );
    assert!(why.contains("it was ended by signal 9 (SIGKILL: by hand, or for want of memory)"), "{why}");
    assert!(why.contains("ouch"), "{why}");
}

#[test]
fn a_program_that_ends_by_itself_has_finished_or_failed() {
    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.here(JOB, 1);
    desk.exits(1, Some(0));
    assert_eq!(desk.state(JOB), JobState::Finished);

    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.here(JOB, 1);
    desk.tell(Event::MasterLost { job: JOB, term: 1, why: "closed".into() });
    desk.exits(1, Some(0));
    assert_eq!(desk.state(JOB), JobState::Finished, "its connection may close first");

    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.here(JOB, 1);
    // Its connection closes first.
    desk.tell(Event::MasterLost { job: JOB, term: 1, why: "closed".into() });
    desk.exits(1, Some(1));
    assert_eq!(desk.failure(), "its program failed: it ended with exit code 1; its last words:\n    ouch");
}

#[test]
fn a_master_that_lost_its_connection_is_killed_before_there_is_another() {
    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.here(JOB, 1);
    desk.tell(Event::MasterLost { job: JOB, term: 1, why: "it was silent for 5 s".into() });
    desk.wait(1_000);
    assert!(desk.kills_master());
    assert_eq!(desk.master(), None);
    desk.exits(1, None);
    assert_eq!(desk.master(), Some(2));
    let deaths = desk.dispatcher.job(JOB).unwrap().deaths;
    assert_eq!(deaths[0].what, "the connection to its master was lost: it was silent for 5 s");
    assert_eq!(deaths.len(), 1);
}

#[test]
fn what_is_no_program_of_millstreams_is_told_so() {
    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.exits(1, Some(0));
    assert!(
        desk.failure().starts_with("count ended without a word to the job manager"),
        "{}",
        desk.failure()
    );

    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.wait(30_000);
    assert!(desk.kills_master());
    desk.exits(1, None);
    assert!(desk.failure().starts_with("count was started and said nothing to the job manager for 30 s"));

    let mut desk = Desk::with(&[]);
    desk.submit();
    let failure = Failure::user("exec format error");
    desk.tell(Event::MasterNotStarted { job: JOB, term: 1, failure });
    assert_eq!(desk.failure(), "exec format error");
}

#[test]
fn a_master_answers_what_is_asked() {
    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.here(JOB, 1);
    let reply = desk.wish(Wish::Master(Ask::Savepoint));
    let asked = desk.done.iter().any(|action| {
        matches!(action, Action::TellMaster { what: ToMaster::Ask(AskId(0), Ask::Savepoint), .. })
    });
    assert!(asked);
    desk.said(JOB, 1, ToManager::Answer(AskId(0), Ok("savepoint-000003".into())));
    desk.said(JOB, 1, ToManager::Answer(AskId(0), Ok("twice".into())));
    assert_eq!(desk.replies[&reply].as_ref().unwrap(), "savepoint-000003");
}

#[test]
fn what_was_asked_of_a_master_that_dies_is_answered() {
    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.here(JOB, 1);
    let reply = desk.wish(Wish::Master(Ask::Savepoint));
    desk.exits(1, None);
    assert_eq!(
        desk.replies[&reply].as_ref().unwrap_err().to_string(),
        "the master of job-1 died before it answered\n  ask again"
    );
    let reply = desk.wish(Wish::Master(Ask::Stop));
    assert!(desk.replies[&reply].as_ref().unwrap_err().to_string().contains("does not run at the moment"));
}

#[test]
fn cancelling_ends_a_job_whatever_its_master_does() {
    let mut desk = Desk::with(&[]);
    desk.submit();
    let reply = desk.wish(Wish::Master(Ask::Cancel));
    assert!(desk.kills_master(), "nobody is there to be asked");
    assert!(!desk.replies.contains_key(&reply));
    desk.exits(1, None);
    assert_eq!(desk.replies[&reply].as_ref().unwrap(), "job-1 is cancelled");
    assert_eq!(desk.state(JOB), JobState::Canceled);

    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.here(JOB, 1);
    desk.wish(Wish::Master(Ask::Cancel));
    desk.said(JOB, 1, ToManager::Answer(AskId(0), Ok("yes, yes".into())));
    desk.wait(30_000);
    assert!(desk.kills_master(), "it does not end by itself");

    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.here(JOB, 1);
    desk.wish(Wish::Master(Ask::Cancel));
    desk.exits(1, None);
    assert_eq!(desk.state(JOB), JobState::Canceled, "it is not started again");
    let reply = desk.wish(Wish::Master(Ask::Cancel));
    let answer = desk.replies[&reply].as_ref().unwrap_err().to_string();
    assert!(answer.starts_with("job-1 was cancelled already"), "{answer}");

    let mut desk = Desk::with(&[]);
    desk.submit();
    desk.here(JOB, 1);
    desk.wish(Wish::Master(Ask::Cancel));
    desk.exits(1, Some(1));
    assert_eq!(desk.state(JOB), JobState::Canceled, "its program calls that a failure");
}

#[test]
fn a_rescaled_job_goes_on_from_its_savepoint_with_another_parallelism() {
    let mut desk = Desk::with(&[4]);
    let job = desk.job_that_needs(1);
    let reply = desk.wish(Wish::Rescale { parallelism: 4 });
    desk.said(job, 1, ToManager::Answer(AskId(0), Ok("savepoint-000003".into())));
    assert!(desk.replies[&reply].as_ref().unwrap().contains("goes on from savepoint-000003"));
    desk.exits(1, Some(0));
    let start = desk.done.iter().find_map(|action| match action {
        Action::StartMaster(start) => Some(start.clone()),
        _ => None,
    });
    let environment = start.unwrap().submission.environment;
    assert_eq!(environment["MILLSTREAM_RESCALED"], "4");
    assert_eq!(environment["MILLSTREAM_RESTORE"], "savepoint-000003");
    // A later term has checkpoints of its own to begin with.
    desk.exits(2, None);
    let start = desk.done.iter().find_map(|action| match action {
        Action::StartMaster(start) => Some(start.clone()),
        _ => None,
    });
    assert!(!start.unwrap().submission.environment.contains_key("MILLSTREAM_RESTORE"));
}

#[test]
fn a_job_that_waits_too_long_is_given_up_and_says_why() {
    let mut desk = Desk::new(Limits { slots: Some(5_000), ..Limits::default() });
    desk.job_that_needs(2);
    desk.wait(5_000);
    assert!(desk.kills_master());
    desk.exits(1, None);
    assert!(desk.failure().starts_with("it waited 5 s for 2 slots, of which it has 0; the cluster has 0"));
}

#[test]
fn jobs_of_a_job_manager_before_are_started_again_or_remembered() {
    let mut before = Desk::with(&[]);
    before.submit();
    let record = before.done.iter().find_map(|action| match action {
        Action::Keep(record) => Some(record.clone()),
        _ => None,
    });
    let record = record.unwrap();
    let mut desk = Desk::with(&[]);
    desk.tell(Event::Restore { record: record.clone(), token: "new".into() });
    assert_eq!(desk.master(), Some(2));
    let outcome = Some(Outcome { state: End::Finished, at: 5, failure: None });
    let ended = JobRecord { id: JobId(2), outcome, ..record };
    desk.tell(Event::Restore { record: ended, token: "new".into() });
    assert_eq!(desk.state(JobId(2)), JobState::Finished);
    desk.submit();
    assert_eq!(desk.replies[&1].as_ref().unwrap(), "job-3");
}

#[test]
fn only_so_many_ended_jobs_are_remembered() {
    let mut desk = Desk::new(Limits { history: 1, ..Limits::default() });
    desk.submit();
    desk.exits(1, Some(1));
    desk.submit();
    let exit = Exit { code: Some(1), signal: None, last_words: Vec::new() };
    desk.tell(Event::MasterExited { job: JobId(2), term: 1, exit });
    assert!(desk.done.iter().any(|action| matches!(action, Action::Forget(JobId(1)))));
    assert_eq!(desk.dispatcher.jobs().len(), 1);
    let reply = desk.wish(Wish::Master(Ask::Stop));
    let answer = desk.replies[&reply].as_ref().unwrap_err().to_string();
    assert_eq!(answer, "there is no job job-1\n  jobs that run: none; all: millstream list");
}

#[test]
fn names_of_jobs_are_read_as_they_are_written() {
    assert_eq!("job-12".parse(), Ok(JobId(12)));
    for wrong in ["", "job-", "12", "job-x", "JOB-1", "job-012", "job-+1"] {
        let error = wrong.parse::<JobId>().unwrap_err();
        assert_eq!(error, format!("`{wrong}` is no name of a job (expected job-1, job-2, ...)"));
    }
}

#[test]
fn a_job_that_takes_what_it_gets_runs_with_it_and_gets_more_when_nobody_waits() {
    let mut desk = Desk::with(&[2]);
    desk.submit();
    desk.here(JOB, 1);
    desk.said(JOB, 1, ToManager::Need { slots: 5, least: 1 });
    assert_eq!(desk.started().iter().map(|(_, _, slots)| slots).sum::<u32>(), 2);
    assert_ne!(desk.state(JOB), JobState::Waiting, "it runs with what there is");
    let second = desk.job_that_needs(2);
    assert_eq!(desk.state(second), JobState::Waiting, "nothing is taken back from what runs");
    desk.join(2, 1);
    assert_eq!(desk.started(), [], "the slot is kept for the one that waits");
    desk.join(3, 1);
    assert_ne!(desk.state(second), JobState::Waiting);
    desk.join(4, 4);
    assert_eq!(desk.started().iter().map(|(_, _, slots)| slots).sum::<u32>(), 3, "up to what it could use");
}
