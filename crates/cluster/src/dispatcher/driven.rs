//! Jobs whose master is the program that submitted them: each decision once.

use std::collections::BTreeMap;

use millstream_model::error::Failure;
use millstream_runtime::control::{Ask, ToManager};

use super::*;

const JOB: JobId = JobId(1);

fn tell(dispatcher: &mut Dispatcher, event: Event) -> Vec<Action> {
    dispatcher.handle(Moment { steady: 10, wall: 10 }, event)
}

fn said(dispatcher: &mut Dispatcher, said: ToManager) -> Vec<Action> {
    tell(dispatcher, Event::MasterSaid { job: JOB, term: 1, said })
}

fn wished(dispatcher: &mut Dispatcher, ask: Ask) -> Result<String, Failure> {
    let wish = Event::Wished { reply: ReplyId(9), job: JOB, wish: Wish::Master(ask) };
    let answer = tell(dispatcher, wish).into_iter().find_map(|action| match action {
        Action::Reply(ReplyId(9), answer) => Some(answer),
        _ => None,
    });
    answer.unwrap()
}

/// One worker of two slots, and a job that has them.
fn running() -> Dispatcher {
    let mut dispatcher = Dispatcher::new(Limits::default(), 0);
    let name = "w".to_owned();
    tell(&mut dispatcher, Event::WorkerJoined { worker: WorkerId(1), name, slots: 2, running: Vec::new() });
    let submission = Submission {
        program: "abc".into(),
        kind: Kind::PythonDriver,
        files: Vec::new(),
        file_name: "job.py".into(),
        arguments: Vec::new(),
        environment: BTreeMap::new(),
    };
    let submit = Event::Submit { reply: ReplyId(1), submission, token: "secret".into() };
    let actions = tell(&mut dispatcher, submit);
    let expected = actions.iter().position(|action| matches!(action, Action::ExpectMaster(_)));
    let answered = actions.iter().position(|action| matches!(action, Action::Reply(..)));
    assert!(expected.unwrap() < answered.unwrap(), "it is let in before it knows that it may come");
    assert!(!actions.iter().any(|action| matches!(action, Action::StartMaster(_))));
    assert_eq!(dispatcher.driven(JOB), Some((1, "secret".to_owned())));
    said(&mut dispatcher, ToManager::Here { executors: ([127, 0, 0, 1], 99).into() });
    let started = said(&mut dispatcher, ToManager::Need { slots: 2, least: 1 });
    assert!(started.iter().any(|action| matches!(action, Action::StartExecutor { slots: 2, .. })));
    dispatcher
}

/// That its executors are told to end.
fn check_end(dispatcher: &Dispatcher, actions: &[Action], state: JobState, why: Option<&str>) {
    assert!(actions.iter().any(|action| matches!(action, Action::EndExecutor { .. })));
    let view = dispatcher.job(JOB).unwrap();
    assert_eq!((view.summary.state, view.failure.as_deref()), (state, why));
}

#[test]
fn a_program_that_is_gone_ends_its_job_at_once() {
    let mut dispatcher = running();
    let lost = Event::MasterLost { job: JOB, term: 1, why: "cut".into() };
    let actions = tell(&mut dispatcher, lost);
    let why = "the program that submitted it is gone: cut";
    check_end(&dispatcher, &actions, JobState::Failed, Some(why));
    assert_eq!(dispatcher.driven(JOB), None);
}

#[test]
fn a_program_says_how_its_job_ended() {
    let mut dispatcher = running();
    let actions = said(&mut dispatcher, ToManager::Ended { failure: None });
    check_end(&dispatcher, &actions, JobState::Finished, None);
    let mut dispatcher = running();
    let actions = said(&mut dispatcher, ToManager::Ended { failure: Some("KeyError: 1".into()) });
    check_end(&dispatcher, &actions, JobState::Failed, Some("KeyError: 1"));
}

#[test]
fn it_can_be_cancelled_and_nothing_else_be_asked_of_it() {
    let mut dispatcher = running();
    for ask in [Ask::Stop, Ask::Savepoint, Ask::StopWithSavepoint] {
        let text = wished(&mut dispatcher, ask).unwrap_err().to_string();
        assert!(text.contains("job-1 ends when the program ends that submitted it"), "{text}");
    }
    assert_eq!(wished(&mut dispatcher, Ask::Cancel).unwrap(), "job-1 is cancelled");
    assert_eq!(dispatcher.job(JOB).unwrap().summary.state, JobState::Canceled);
}

#[test]
fn a_program_that_never_calls_has_no_job_for_long() {
    let mut dispatcher = running();
    let submission = dispatcher.jobs.get(&JOB).unwrap().submission.clone();
    let submit = Event::Submit { reply: ReplyId(2), submission, token: "secret".into() };
    tell(&mut dispatcher, submit);
    let late = Moment { steady: 11 + Limits::default().first_words, wall: 11 };
    dispatcher.handle(late, Event::Tick);
    assert_eq!(dispatcher.job(JobId(2)).unwrap().summary.state, JobState::Failed);
    assert_eq!(dispatcher.job(JOB).unwrap().summary.state, JobState::Starting);
}

#[test]
fn another_job_manager_ends_it() {
    let record = running().jobs.get(&JOB).unwrap().record(None);
    let mut next = Dispatcher::new(Limits::default(), 1);
    let actions = tell(&mut next, Event::Restore { record, token: "other".into() });
    assert!(!actions.iter().any(|action| matches!(action, Action::StartMaster(_))));
    let view = next.job(JOB).unwrap();
    let why = "the job manager that its program talked to is gone";
    assert_eq!((view.summary.state, view.failure.as_deref()), (JobState::Failed, Some(why)));
}
