//! Does what the dispatcher says.
//!
//! Holds: it does one thing after the other, in the order said, and never waits for another process (but for the store of
//! the place where several job managers take turns). It ends with the job manager, or when another one may lead, and the
//! masters' processes with it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{PoisonError, Weak};

use millstream_model::error::{Failure, Result};
use millstream_runtime::control::{Charge, Role};

use super::{Shared, TICK};
use crate::dispatcher::{Action, Event, JobId, Start};
use crate::process::{Launch, Program, Running};
use crate::wire::{StartExecutor, ToWorker};

/// The processes of masters.
type Masters = HashMap<(JobId, u64), Running>;

/// Until nobody holds the job manager any more.
pub(super) fn work(shared: &Weak<Shared>, events: &Receiver<Event>, address: SocketAddr) {
    let mut masters = Masters::new();
    loop {
        let event = match events.recv_timeout(TICK) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => Event::Tick,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let Some(now) = shared.upgrade() else { return };
        if let Event::MasterExited { job, term, exit } = &event {
            tracing::info!(%job, term, %exit, "a master's process has ended");
            masters.remove(&(*job, *term));
            now.callers.forget_master(*job, *term);
        }
        tell(&event);
        let moment = now.now();
        let actions = now.dispatcher().handle(moment, event);
        for action in actions {
            let done = now.check().and_then(|()| act(&now, shared, &mut masters, address, action));
            if let Err(failure) = done {
                tracing::error!(%failure, "does nothing more");
                return now.records.end();
            }
        }
    }
}

/// Into the log, what somebody may look for there.
fn tell(event: &Event) {
    match event {
        Event::WorkerJoined { worker, name, slots, .. } => {
            tracing::info!(%worker, name, slots, "a worker joined")
        }
        Event::WorkerLost { worker, why } => tracing::warn!(%worker, why, "a worker is lost"),
        Event::ExecutorExited { executor, why, .. } => {
            tracing::info!(%executor, why, "an executor has ended")
        }
        Event::MasterLost { job, term, why } => {
            tracing::info!(%job, term, why, "a master's connection has ended")
        }
        _ => {}
    }
}

/// A failure is one after which nothing more may be done.
fn act(
    shared: &Shared,
    weak: &Weak<Shared>,
    masters: &mut Masters,
    address: SocketAddr,
    action: Action,
) -> Result<()> {
    match action {
        Action::StartMaster(start) => {
            let (job, term) = (start.job, start.term);
            tracing::info!(%job, term, program = start.submission.file_name, "starts the job's master");
            let secret = shared.callers.secret_of(&start.token);
            let expected = shared.callers.expect_master(job, term, &secret);
            match expected.and_then(|()| start_master(shared, weak, address, start, secret)) {
                Ok(running) => {
                    masters.insert((job, term), running);
                }
                Err(failure) => {
                    tracing::error!(%job, term, %failure, "the job's master cannot be started");
                    shared.happened(Event::MasterNotStarted { job, term, failure });
                }
            }
        }
        Action::ExpectMaster(start) => {
            let (job, term) = (start.job, start.term);
            tracing::info!(%job, term, program = start.submission.file_name, "expects the job's master");
            let secret = shared.callers.secret_of(&start.token);
            if let Err(failure) = shared.callers.expect_master(job, term, &secret) {
                tracing::error!(%job, term, %failure, "the job's master cannot come in");
            }
        }
        Action::EndMaster { job, term } => {
            if let Some(master) = masters.get(&(job, term)) {
                master.kill();
            }
        }
        Action::TellMaster { job, term, what } => shared.callers.tell_master(job, term, what),
        Action::StartExecutor { worker, executor, slots, master, start } => {
            tracing::info!(job = %start.job, %executor, slots, %worker, "has an executor started");
            let submission = start.submission;
            let order = StartExecutor {
                executor,
                job: start.job.to_string(),
                term: start.term,
                seed: start.token,
                slots,
                master,
                program: submission.program,
                kind: submission.kind,
                files: submission.files,
                file_name: submission.file_name,
                arguments: submission.arguments,
                environment: submission.environment,
            };
            shared.callers.tell_worker(worker, ToWorker::Start(order));
        }
        Action::EndExecutor { worker, executor } => {
            shared.callers.tell_worker(worker, ToWorker::End { executor });
        }
        Action::Reply(reply, answer) => {
            let waiting = shared.replies.lock().unwrap_or_else(PoisonError::into_inner).remove(&reply);
            // Who asked may have gone away.
            let _gone = waiting.map(|waiting| waiting.send(answer));
        }
        Action::Keep(record) => {
            if let Some(outcome) = &record.outcome {
                let why = outcome.failure.as_deref().unwrap_or("");
                tracing::info!(job = %record.id, state = ?outcome.state, why, "the job has ended");
                shared.callers.forget_job(record.id);
            }
            written(shared, shared.records.keep(&shared.folder, &record))?;
        }
        Action::Forget(job) => {
            shared.outputs.lock().unwrap_or_else(PoisonError::into_inner).remove(&job);
            written(shared, shared.records.forget(&shared.folder, job))?;
        }
    }
    Ok(())
}

/// What is not written down is not known to the next job manager. Where that may be one that runs already, it is all over.
fn written(shared: &Shared, written: Result<()>) -> Result<()> {
    let Err(failure) = written else { return Ok(()) };
    if shared.records.are_shared() {
        return Err(failure);
    }
    tracing::error!(%failure, "a restarted job manager will not know this");
    Ok(())
}

fn start_master(
    shared: &Shared,
    weak: &Weak<Shared>,
    address: SocketAddr,
    start: Start,
    token: String,
) -> Result<Running> {
    let Start { job, term, token: _seed, submission } = start;
    let find = |hash: &str| {
        let gone =
            || Failure::external(format!("the program {hash} is no longer in the job manager's folder"));
        shared.program(hash)?.ok_or_else(gone)
    };
    let program = find(&submission.program)?;
    for file in &submission.files {
        find(file)?;
    }
    // A job manager that listens everywhere is found here on the loopback interface.
    let local = if address.ip().is_unspecified() { [127, 0, 0, 1].into() } else { address.ip() };
    let charge = Charge {
        job: job.to_string(),
        term,
        token,
        tls: shared.tls.clone(),
        listen: shared.listen,
        log: shared.log,
        local: None,
        role: Role::Master { manager: SocketAddr::new(local, address.port()) },
    };
    let launch = Launch {
        program: Program::of(submission.kind, program, &shared.python),
        name: submission.file_name,
        arguments: submission.arguments,
        environment: submission.environment,
        folder: shared.folder.work(job)?,
        charge,
    };
    let (printing, ending) = (weak.clone(), weak.clone());
    launch.start(
        move |stream, text| {
            if let Some(shared) = printing.upgrade() {
                shared.print(job, "master".into(), stream, text);
            }
        },
        move |exit| {
            if let Some(shared) = ending.upgrade() {
                shared.happened(Event::MasterExited { job, term, exit });
            }
        },
    )
}
