//! A worker: slots on a machine, lent to a job manager.
//!
//! It joins, starts and ends executors as it is told, tells their ends and what they print, and joins again when the job
//! manager was gone. Of records it knows nothing.
//!
//! Holds: an executor ends with the worker, or when the job manager has been gone for longer than the setting; each end is
//! told once, or what runs is told when the worker joins again.

mod copies;
mod executors;
mod fetch;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result, Retry};
use millstream_network::{Introduction, Pulse, Security, connect};
use millstream_runtime::log::Log;

use self::copies::Copies;
use self::executors::Executors;
use crate::blobs::Blobs;
use crate::wire::{FromWorker, ToWorker, role};

/// From one try to join to the next.
const PAUSE: Duration = Duration::from_millis(200);

/// How a worker is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For people.
    pub name: String,
    /// How many slots it lends.
    pub slots: u32,
    /// Where the job manager is, or all of those that take turns: it joins the one that answers.
    pub managers: Vec<SocketAddr>,
    /// The same as host and port, as their certificates name them.
    pub manager_names: Vec<String>,
    /// What it proves and shows to the job manager.
    pub security: Security,
    /// The interpreter that Python programs run in.
    pub python: PathBuf,
    /// Programs and the folders that executors work in.
    pub folder: PathBuf,
    /// How long executors may run on while the job manager is gone, and how long the first try to join may take.
    pub grace: Duration,
    /// When the job manager is taken for gone.
    pub pulse: Pulse,
    /// How executors write their logs.
    pub log: Log,
    /// Where executors listen; by default the address of this machine that the job manager sees.
    pub listen: Option<IpAddr>,
}

/// What a worker needs all the time.
pub(crate) struct Worker {
    settings: Settings,
    programs: Blobs,
    listen: IpAddr,
    executors: Executors,
    copies: Copies,
    /// Which of the job managers was called last.
    called: AtomicUsize,
}

impl std::fmt::Debug for Worker {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("name", &self.settings.name).finish_non_exhaustive()
    }
}

/// Works until it is told to stop, or is sent away.
///
/// # Errors
/// If the job manager sends it away, or was not reached within the grace; or if its folder is of no use.
pub fn work(settings: Settings, stop: &AtomicBool) -> Result<()> {
    let listen = match settings.listen {
        Some(listen) => listen,
        None => own_address(*settings.managers.first().ok_or_else(no_manager)?)?,
    };
    // Before it runs anything, and not in the log of a program that nobody reads.
    settings.security.may_listen((listen, 0).into())?;
    let programs = Blobs::in_folder(settings.folder.join("programs"))?;
    let copies = Copies::below(&settings.folder);
    let (executors, called) = (Executors::default(), AtomicUsize::new(0));
    let worker = Arc::new(Worker { settings, programs, listen, executors, copies, called });
    let mut gone_since = Instant::now();
    let mut joined_once = false;
    while !stop.load(Ordering::Acquire) {
        match worker.join(stop) {
            Ok(()) => {
                joined_once = true;
                gone_since = Instant::now();
            }
            Err(failure) if !failure.may_retry() => {
                worker.executors.end_all();
                return Err(failure);
            }
            Err(failure) if gone_since.elapsed() >= worker.settings.grace => {
                if !joined_once {
                    return Err(failure.advice("is a job manager running there? millstream jobmanager"));
                }
                if worker.executors.end_all() {
                    tracing::warn!(%failure, "the job manager has been gone for too long: its executors are ended");
                }
            }
            Err(failure) => tracing::debug!(%failure, "tries again"),
        }
        // The next one, in case another leads now; after all of them, a while later.
        let next = (worker.called.load(Ordering::Relaxed) + 1) % worker.settings.managers.len().max(1);
        worker.called.store(next, Ordering::Relaxed);
        if next == 0 {
            std::thread::sleep(PAUSE);
        }
    }
    worker.executors.end_all();
    Ok(())
}

fn no_manager() -> Failure {
    Failure::user("no address of a job manager was given")
        .advice("HOST:PORT, several with commas between them")
}

impl Worker {
    /// The job manager that was called last.
    fn manager(&self) -> Result<SocketAddr> {
        let called = self.called.load(Ordering::Relaxed);
        self.settings.managers.get(called).copied().ok_or_else(no_manager)
    }

    /// The same by its name.
    fn manager_name(&self) -> Result<&str> {
        let called = self.called.load(Ordering::Relaxed);
        self.settings.manager_names.get(called).map(String::as_str).ok_or_else(no_manager)
    }

    fn introduction(&self, role: &str, name: &str) -> Introduction {
        Introduction { role: role.into(), name: name.into(), job: String::new(), term: 0 }
    }

    /// One conversation with the job manager, until it ends.
    fn join(self: &Arc<Self>, stop: &AtomicBool) -> Result<()> {
        let Settings { pulse, slots, ref name, ref security, .. } = self.settings;
        let manager_name = self.manager_name()?;
        let own = self.introduction(role::WORKER, name);
        let (speaker, mut hearer) = connect::<FromWorker, ToWorker>(manager_name, &own, security, pulse)?;
        self.executors.joined(&speaker, |running| {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            FromWorker::Here { slots, version, running }
        })?;
        tracing::info!(manager = manager_name, slots, "joined");
        let why = loop {
            match hearer.hear() {
                Ok(ToWorker::Start(order)) => executors::start(self, order),
                Ok(ToWorker::End { executor }) => self.executors.end(executor),
                Ok(ToWorker::SentAway { why }) => {
                    return Err(Failure::user(why)
                        .retry(Retry::No)
                        .advice("run the same version of Millstream on all machines of a cluster"));
                }
                Err(why) => break why,
            }
        };
        if !stop.load(Ordering::Acquire) {
            tracing::warn!(%why, "the job manager is gone; tries to join again");
        }
        self.executors.left();
        Ok(())
    }
}

/// The address of this machine on the way to that one. Nothing is sent.
///
/// # Errors
/// If no way leads there.
pub fn own_address(manager: SocketAddr) -> Result<IpAddr> {
    let any: SocketAddr = if manager.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let find = || {
        let socket = UdpSocket::bind(any)?;
        socket.connect(manager)?;
        socket.local_addr()
    };
    find().map(|address| address.ip()).map_err(|error| {
        Failure::external(format!("no way leads to {manager}"))
            .because(error)
            .advice("say where executors are to listen: --listen ADDRESS")
    })
}
