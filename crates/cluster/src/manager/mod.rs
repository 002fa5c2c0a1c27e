//! A job manager: the dispatcher with a clock, connections, processes and a folder.
//!
//! One thread, the desk, hands events to the dispatcher and does what it says, in order; nothing that it does waits for
//! another process. Everything else (callers, processes, REST) sends events and reads views.
//!
//! Where several job managers share a place (`leadership`), this one runs only while it leads.
//!
//! Holds: what was answered is written down before; who waits for an answer gets it, or sees that this process ended; one
//! that does not lead any more starts nothing, writes nothing down and answers nobody.

mod callers;
mod desk;
mod folder;
mod records;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use millstream_model::error::{Failure, Result};
use millstream_network::{Pulse, Reception, Security, TlsFiles};
use millstream_runtime::log::Log;
use tokio::sync::oneshot;

use self::callers::Callers;
use self::folder::Folder;
use self::records::Records;
use crate::blobs::Blobs;
use crate::dispatcher::{
    Dispatcher, Event, JobId, JobSummary, JobView, Limits, Moment, Overview, ReplyId, Submission, Wish,
    WorkerView,
};
use crate::leadership::Leadership;
use crate::output::{Line, Output, Page};
use crate::process::Stream;
use crate::rest::Driven;
use crate::secret;

/// How often the dispatcher sees that time has passed.
const TICK: Duration = Duration::from_millis(50);

/// How a job manager is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it writes down.
    pub folder: PathBuf,
    /// Where it listens for workers and masters.
    pub listen: IpAddr,
    /// At which port; 0: a free one.
    pub port: u16,
    /// What workers have to prove and to show.
    pub security: Security,
    /// The interpreter that starts the masters of Python programs.
    pub python: PathBuf,
    /// Waits and bounds.
    pub limits: Limits,
    /// When a worker or master is taken for gone.
    pub pulse: Pulse,
    /// How masters write their logs.
    pub log: Log,
}

/// A job manager that runs until it is dropped.
#[derive(Debug)]
pub struct Manager {
    shared: Arc<Shared>,
    reception: Reception,
}

/// What its threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    folder: Folder,
    records: Records,
    programs: Blobs,
    dispatcher: Mutex<Dispatcher>,
    events: Sender<Event>,
    callers: Callers,
    replies: Mutex<HashMap<ReplyId, oneshot::Sender<Result<String>>>>,
    next_reply: AtomicU64,
    outputs: Mutex<HashMap<JobId, Output>>,
    start: Instant,
    listen: IpAddr,
    /// Where masters and workers call, once that is known.
    port: OnceLock<u16>,
    python: PathBuf,
    log: Log,
    /// What masters are told to show.
    tls: Option<TlsFiles>,
}

impl Manager {
    /// Starts it, with the jobs that had not ended: those of its folder, or of the place where it leads.
    ///
    /// # Errors
    /// If its folder is in use or cannot be used, or its port is taken.
    pub fn start(settings: &Settings, leadership: Option<Leadership>) -> Result<Self> {
        let folder = Folder::take(&settings.folder)?;
        let (records, found) = Records::open(&folder, leadership)?;
        let (events, arriving) = channel();
        let shared = Arc::new(Shared {
            programs: folder.programs()?,
            dispatcher: Mutex::new(Dispatcher::new(settings.limits, records.incarnation(&folder))),
            folder,
            records,
            events,
            callers: Callers::new(settings.security.token.clone(), settings.pulse),
            replies: Mutex::default(),
            next_reply: AtomicU64::new(0),
            outputs: Mutex::default(),
            start: Instant::now(),
            listen: settings.listen,
            port: OnceLock::new(),
            python: settings.python.clone(),
            log: settings.log,
            tls: settings.security.tls.as_ref().map(|tls| tls.files().clone()),
        });
        let reception = callers::receive(&shared, settings.listen, settings.port, settings.security.clone())?;
        let _first = shared.port.set(reception.address().port());
        // The desk would wait for them.
        for record in found.iter().filter(|record| record.outcome.is_none()) {
            if let Err(failure) = shared.program(&record.submission.program) {
                tracing::error!(job = %record.id, %failure, "its program cannot be fetched");
            }
        }
        for record in found {
            shared.happened(Event::Restore { record, token: secret::fresh()? });
        }
        let (desk, address) = (Arc::downgrade(&shared), reception.address());
        let thread = std::thread::Builder::new().name("desk".into());
        thread
            .spawn(move || desk::work(&desk, &arriving, address))
            .map_err(|error| Failure::external("no thread can be started").because(error))?;
        Ok(Self { shared, reception })
    }

    /// Where workers join.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.reception.address()
    }

    /// Refuses where another one may lead by now: then this one has to end.
    ///
    /// # Errors
    /// Then.
    pub fn check(&self) -> Result<()> {
        self.shared.check()
    }

    /// What others need to ask it.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // Whoever still holds what is shared does not keep the next one waiting.
        self.shared.records.end();
    }
}

impl Shared {
    /// Refuses where another job manager may lead by now.
    pub(crate) fn check(&self) -> Result<()> {
        self.records.check()
    }

    /// Events of a desk that is gone have nobody to be told to.
    pub(crate) fn happened(&self, event: Event) {
        let _gone = self.events.send(event);
    }

    fn now(&self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment {
            steady: u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
            wall: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
        }
    }

    fn dispatcher(&self) -> MutexGuard<'_, Dispatcher> {
        self.dispatcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn overview(&self) -> Overview {
        self.dispatcher().overview()
    }

    pub(crate) fn workers(&self) -> Vec<WorkerView> {
        self.dispatcher().workers()
    }

    pub(crate) fn jobs(&self) -> Vec<JobSummary> {
        self.dispatcher().jobs()
    }

    pub(crate) fn job(&self, job: JobId) -> Option<JobView> {
        self.dispatcher().job(job)
    }

    pub(crate) fn programs(&self) -> &Blobs {
        &self.programs
    }

    /// A program that was uploaded: here, or to a leader before this one.
    pub(crate) fn program(&self, hash: &str) -> Result<Option<PathBuf>> {
        match self.programs.find(hash)? {
            Some(path) => Ok(Some(path)),
            None => self.records.fetch_program(hash, &self.programs),
        }
    }

    /// Whether a program was uploaded.
    pub(crate) fn has_program(&self, hash: &str) -> Result<bool> {
        self.records.has_program(hash, &self.programs)
    }

    /// Puts a program that is here where the next leader finds it.
    pub(crate) fn share_program(&self, hash: &str) -> Result<()> {
        self.records.share_program(hash, &self.programs)
    }

    /// Has a program run that is there; the answer is the job's name.
    pub(crate) async fn submit(self: &Arc<Self>, submission: Submission) -> Result<String> {
        for hash in std::iter::once(&submission.program).chain(&submission.files) {
            let wanted = hash.clone();
            if self.blocking(move |shared| shared.program(&wanted)).await?.is_none() {
                return Err(Failure::user(format!("the program {hash} was not uploaded"))
                    .advice("upload it first: PUT /v1/programs/SHA256"));
            }
        }
        let token = secret::fresh()?;
        self.ask(|reply| Event::Submit { reply, submission, token }).await
    }

    /// What whoever submitted a job has to know to be its master: its term, the seed of its secret, and the port to call.
    pub(crate) fn driven(&self, job: JobId) -> Option<Driven> {
        let (term, seed) = self.dispatcher().driven(job)?;
        let port = self.port.get().copied()?;
        Some(Driven { term, seed, port })
    }

    /// What waits for a disk or a store, on a thread that may.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|error| Failure::internal("an answer was broken off").because(error))?
    }

    /// Asks something of a job.
    pub(crate) async fn wish(&self, job: JobId, wish: Wish) -> Result<String> {
        self.ask(|reply| Event::Wished { reply, job, wish }).await
    }

    async fn ask(&self, event: impl FnOnce(ReplyId) -> Event) -> Result<String> {
        let (sender, answer) = oneshot::channel();
        let reply = ReplyId(self.next_reply.fetch_add(1, Ordering::Relaxed));
        self.replies.lock().unwrap_or_else(PoisonError::into_inner).insert(reply, sender);
        self.happened(event(reply));
        answer.await.unwrap_or_else(|_| Err(Failure::external("the job manager ends")))
    }

    /// Lines that a job printed.
    pub(crate) fn printed(&self, job: JobId, from: u64, most: usize) -> Result<Page> {
        self.records.output(&self.folder.job(job)).read(from, most)
    }

    /// Takes down a line of one of a job's processes.
    pub(crate) fn print(&self, job: JobId, process: String, stream: Stream, text: String) {
        let line = Line { at: self.now().wall, process, stream, text };
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let output = outputs.entry(job).or_insert_with(|| self.records.output(&self.folder.job(job)));
        if let Err(failure) = output.add(&line) {
            tracing::error!(%job, %failure, process = line.process, text = line.text, "a line is not in the job's log");
        }
    }
}
