//! Who calls the job manager: workers, masters, and workers that want a program's bytes.
//!
//! Answers for who is let in, for hearing them and for speaking to them without waiting. Holds: a master is let in with the
//! secret of its job and the term that was started last, once; everyone else with the cluster's token, where there is one.

use std::collections::HashMap;
use std::io::Write;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use millstream_model::error::{Failure, Result};
use millstream_network::reception::{Arrived, Owner};
use millstream_network::{Hearer, Introduction, Pulse, Reception, Security, Speaker, Token};
use millstream_runtime::control::{ToManager, ToMaster};
use serde::Serialize;

use super::Shared;
use crate::dispatcher::{Event, JobId, WorkerId};
use crate::wire::{FromWorker, ToWorker, role};

/// The bytes of a program that are read at once.
const PIECE: usize = 1 << 20;

/// Those that are here, and those that are expected.
#[derive(Debug)]
pub(super) struct Callers {
    token: Token,
    pulse: Pulse,
    next_worker: AtomicU64,
    workers: Mutex<HashMap<WorkerId, Sender<ToWorker>>>,
    masters: Mutex<HashMap<JobId, Expected>>,
}

/// The master of a job that was started last.
#[derive(Debug)]
struct Expected {
    term: u64,
    token: Token,
    speaks: Option<Sender<ToMaster>>,
}

impl Callers {
    pub(super) fn new(token: Token, pulse: Pulse) -> Self {
        let next_worker = AtomicU64::new(1);
        Self { token, pulse, next_worker, workers: Mutex::default(), masters: Mutex::default() }
    }

    fn masters(&self) -> MutexGuard<'_, HashMap<JobId, Expected>> {
        self.masters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn workers(&self) -> MutexGuard<'_, HashMap<WorkerId, Sender<ToWorker>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The secret of a job's processes. What it follows from is all that travels.
    pub(super) fn secret_of(&self, seed: &str) -> String {
        self.token.derive(seed)
    }

    /// From now on a master of this term is let in, and no other of the job.
    ///
    /// # Errors
    /// If its token is none.
    pub(super) fn expect_master(&self, job: JobId, term: u64, token: &str) -> Result<()> {
        self.masters().insert(job, Expected { term, token: Token::new(token)?, speaks: None });
        Ok(())
    }

    /// Its process is gone.
    pub(super) fn forget_master(&self, job: JobId, term: u64) {
        let mut masters = self.masters();
        if masters.get(&job).is_some_and(|expected| expected.term == term) {
            masters.remove(&job);
        }
    }

    /// The job is at its end.
    pub(super) fn forget_job(&self, job: JobId) {
        self.masters().remove(&job);
    }

    /// What is told to one that is gone is told to nobody: that it is gone will be noticed.
    pub(super) fn tell_master(&self, job: JobId, term: u64, what: ToMaster) {
        let masters = self.masters();
        let expected = masters.get(&job).filter(|expected| expected.term == term);
        if let Some(speaks) = expected.and_then(|expected| expected.speaks.as_ref()) {
            let _gone = speaks.send(what);
        }
    }

    /// As for masters.
    pub(super) fn tell_worker(&self, worker: WorkerId, what: ToWorker) {
        if let Some(speaks) = self.workers().get(&worker) {
            let _gone = speaks.send(what);
        }
    }

    fn token(&self, caller: &Introduction) -> Option<Token> {
        match caller.role.as_str() {
            role::MASTER => {
                let job: JobId = caller.job.parse().ok()?;
                Some(self.masters().get(&job)?.token.clone())
            }
            _ => Some(self.token.clone()),
        }
    }

    fn judge(&self, caller: &Introduction) -> Result<(), String> {
        match caller.role.as_str() {
            role::MASTER => {
                let job: JobId = caller.job.parse()?;
                let masters = self.masters();
                let Some(expected) = masters.get(&job) else {
                    return Err(format!("no master of {job} was started"));
                };
                if caller.term != expected.term {
                    return Err(format!(
                        "term {} of {job} is over, {} has begun",
                        caller.term, expected.term
                    ));
                }
                if expected.speaks.is_some() {
                    return Err(format!("the master of {job} is here already"));
                }
                Ok(())
            }
            role::WORKER | role::PROGRAM => Ok(()),
            other => Err(format!("the job manager has nothing to say to a {other}")),
        }
    }
}

/// Opens the door.
pub(super) fn receive(
    shared: &Arc<Shared>,
    listen: IpAddr,
    port: u16,
    security: Security,
) -> Result<Reception> {
    Reception::open(listen, port, security, Door(Arc::downgrade(shared)))
}

/// Where callers come in.
struct Door(Weak<Shared>);

impl Owner for Door {
    fn token(&self, caller: &Introduction) -> Option<Token> {
        self.0.upgrade()?.callers.token(caller)
    }

    fn judge(&self, caller: &Introduction) -> Result<(), String> {
        match self.0.upgrade() {
            Some(shared) => {
                shared.check().map_err(|failure| failure.to_string())?;
                shared.callers.judge(caller)
            }
            None => Err("the job manager ends".to_owned()),
        }
    }

    fn welcome(&self, arrived: Arrived) {
        // The reception's threads are small, and hearing may take deep messages apart.
        let shared = self.0.clone();
        let thread = std::thread::Builder::new().name(format!("hears a {}", arrived.introduction.role));
        let heard = thread.spawn(move || {
            if let Err(failure) = welcome(&shared, arrived) {
                tracing::warn!(%failure, "a caller was sent away");
            }
        });
        if let Err(error) = heard {
            tracing::warn!(%error, "no thread for a caller; it is closed");
        }
    }
}

fn welcome(shared: &Weak<Shared>, arrived: Arrived) -> Result<()> {
    let here = shared.upgrade().ok_or_else(|| Failure::external("the job manager ends"))?;
    match arrived.introduction.role.as_str() {
        role::MASTER => master(&here, shared, arrived),
        role::WORKER => worker(&here, shared, arrived),
        _ => program(&here, arrived),
    }
}

/// What is said is said on a thread of its own: whoever says it does not wait for a peer that is slow to hear.
fn mouth<Out: Serialize + Send + 'static>(speaker: Speaker<Out>) -> Result<Sender<Out>> {
    let (speaks, said) = channel();
    let thread = std::thread::Builder::new().name("speaks".into());
    let speak = move || {
        for message in said {
            if speaker.say(&message).is_err() {
                // Its hearer notices too.
                return;
            }
        }
        speaker.close();
    };
    thread.spawn(speak).map_err(|error| Failure::external("no thread can be started").because(error))?;
    Ok(speaks)
}

fn master(here: &Shared, shared: &Weak<Shared>, arrived: Arrived) -> Result<()> {
    let job: JobId = arrived.introduction.job.parse().map_err(Failure::user)?;
    let term = arrived.introduction.term;
    let (speaker, mut hearer) = arrived.converse::<ToMaster, ToManager>(here.callers.pulse)?;
    let speaks = mouth(speaker)?;
    match here.callers.masters().get_mut(&job) {
        Some(expected) if expected.term == term && expected.speaks.is_none() => {
            expected.speaks = Some(speaks)
        }
        _ => return Err(Failure::external(format!("term {term} of {job} is over"))),
    }
    let why = listen(shared, &mut hearer, |shared, said| {
        shared.happened(Event::MasterSaid { job, term, said });
    });
    if let Some(shared) = shared.upgrade() {
        shared.happened(Event::MasterLost { job, term, why });
    }
    Ok(())
}

fn worker(here: &Shared, shared: &Weak<Shared>, arrived: Arrived) -> Result<()> {
    let name = format!("{} at {}", arrived.introduction.name, arrived.address.ip());
    let (speaker, mut hearer) = arrived.converse::<ToWorker, FromWorker>(here.callers.pulse)?;
    let FromWorker::Here { slots, version, running } = hearer.hear()? else {
        return Err(Failure::internal(format!("{name} did not say first what it is")));
    };
    let own = env!("CARGO_PKG_VERSION");
    if version != own {
        let why = format!("{name} is of version {version}, the job manager of {own}");
        speaker.say(&ToWorker::SentAway { why: why.clone() })?;
        return Err(Failure::user(why));
    }
    let worker = WorkerId(here.callers.next_worker.fetch_add(1, Ordering::Relaxed));
    here.callers.workers().insert(worker, mouth(speaker)?);
    here.happened(Event::WorkerJoined { worker, name, slots, running });
    let why = listen(shared, &mut hearer, |shared, said| match said {
        FromWorker::Exited { executor, why } => {
            shared.happened(Event::ExecutorExited { worker, executor, why });
        }
        FromWorker::Said { executor, job, stream, text } => match job.parse() {
            Ok(job) => shared.print(job, executor.to_string(), stream, text),
            Err(error) => tracing::warn!(%worker, %error, "a worker told a line of no job"),
        },
        FromWorker::Here { .. } => tracing::warn!(%worker, "a worker said twice what it is"),
    });
    if let Some(shared) = shared.upgrade() {
        shared.callers.workers().remove(&worker);
        shared.happened(Event::WorkerLost { worker, why });
    }
    Ok(())
}

/// Hears until there is nothing more to hear, and is why.
fn listen<In: serde::de::DeserializeOwned>(
    shared: &Weak<Shared>,
    hearer: &mut Hearer<In>,
    heard: impl Fn(&Shared, In),
) -> String {
    loop {
        match (hearer.hear(), shared.upgrade()) {
            (Ok(said), Some(shared)) => heard(&shared, said),
            (Err(failure), _) => return failure.to_string(),
            (Ok(_), None) => return "the job manager ends".to_owned(),
        }
    }
}

fn program(here: &Shared, arrived: Arrived) -> Result<()> {
    let hash = arrived.introduction.name.clone();
    let mut stream = arrived.into_socket();
    here.program(&hash)?;
    let gone = |error| Failure::external("a worker hung up while it was sent a program").because(error);
    let (mut bytes, length) = here.programs.piece(&hash, 0, PIECE)?;
    stream.write_all(&length.to_le_bytes()).map_err(gone)?;
    let mut offset = 0;
    while !bytes.is_empty() {
        stream.write_all(&bytes).map_err(gone)?;
        offset += bytes.len() as u64;
        (bytes, _) = here.programs.piece(&hash, offset, PIECE)?;
    }
    Ok(())
}
