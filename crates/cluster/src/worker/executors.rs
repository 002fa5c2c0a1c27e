//! The processes of a worker.
//!
//! Holds: what runs is here from the order to its end; a process that was told to end before it was started is not started.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_network::Speaker;
use millstream_runtime::control::{Charge, ExecutorId, Role};

use super::Worker;
use crate::process::{Launch, Program, Running};
use crate::wire::{FromWorker, StartExecutor};

/// Where a Python executor lays out files that its program has added (`millstream._cluster.tasks`).
const ADDED: &str = "added-files";
/// How long copies of state wait for an executor that takes the place of one that crashed.
const AFTER_CRASH: Duration = Duration::from_secs(60);

/// All of them, and whom their ends are told to.
#[derive(Debug, Default)]
pub(super) struct Executors(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    here: BTreeMap<ExecutorId, Entry>,
    manager: Option<Speaker<FromWorker>>,
}

#[derive(Debug)]
struct Entry {
    slots: u32,
    job: String,
    phase: Phase,
    /// Whether it was told to end.
    is_ending: bool,
}

#[derive(Debug)]
enum Phase {
    /// Its program is fetched.
    Coming,
    Running(Running),
    /// It was told to end before it ran.
    Unwanted,
}

impl Executors {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A conversation begins, with what runs here.
    pub(super) fn joined(
        &self,
        manager: &Speaker<FromWorker>,
        first: impl FnOnce(Vec<(ExecutorId, u32)>) -> FromWorker,
    ) -> Result<()> {
        // No end can be told before it.
        let mut state = self.state();
        let running = state.here.iter().map(|(id, entry)| (*id, entry.slots)).collect();
        manager.say(&first(running))?;
        state.manager = Some(manager.clone());
        Ok(())
    }

    /// The conversation is over.
    pub(super) fn left(&self) {
        self.state().manager = None;
    }

    /// Ends one; one that is not here has ended already, which was told or will be.
    pub(super) fn end(&self, executor: ExecutorId) {
        if let Some(entry) = self.state().here.get_mut(&executor) {
            entry.is_ending = true;
            match &mut entry.phase {
                Phase::Running(running) => running.kill(),
                phase => *phase = Phase::Unwanted,
            }
        }
    }

    /// Ends all, and is whether there were any.
    pub(super) fn end_all(&self) -> bool {
        let all: Vec<ExecutorId> = self.state().here.keys().copied().collect();
        all.iter().for_each(|executor| self.end(*executor));
        !all.is_empty()
    }

    /// Tells the job manager, if it is there. Who waits here while it is slow is the process that says something.
    fn tell(&self, what: &FromWorker) {
        let manager = self.state().manager.clone();
        // Its loss is noticed by who hears it.
        let _gone = manager.map(|manager| manager.say(what));
    }

    /// Whether any of a job is here.
    fn has(&self, job: &str) -> bool {
        self.state().here.values().any(|entry| entry.job == job)
    }
}

impl Worker {
    /// One has ended.
    fn ended(self: &Arc<Self>, executor: ExecutorId, why: String) {
        let Some(entry) = self.executors.state().here.remove(&executor) else { return };
        self.executors.tell(&FromWorker::Exited { executor, why });
        if self.executors.has(&entry.job) {
            return;
        }
        if entry.is_ending {
            return self.copies.forget(&entry.job);
        }
        let worker = Arc::downgrade(self);
        let forget = move || {
            std::thread::sleep(AFTER_CRASH);
            if let Some(worker) = worker.upgrade().filter(|worker| !worker.executors.has(&entry.job)) {
                worker.copies.forget(&entry.job);
            }
        };
        let thread = std::thread::Builder::new().name("copies".into()).stack_size(64 << 10).spawn(forget);
        if let Err(error) = thread {
            tracing::warn!(%error, "copies of state stay until this worker ends");
        }
    }
}

/// Starts one, on a thread of its own: its program may have to come from afar.
pub(super) fn start(worker: &Arc<Worker>, order: StartExecutor) {
    let executor = order.executor;
    let (slots, job) = (order.slots, order.job.clone());
    let entry = Entry { slots, job, phase: Phase::Coming, is_ending: false };
    worker.executors.state().here.insert(executor, entry);
    let starter = Arc::clone(worker);
    let thread = std::thread::Builder::new().name(format!("starts {executor}"));
    let started = thread.spawn(move || {
        tracing::info!(%executor, job = order.job, slots = order.slots, "starts");
        if let Err(failure) = run(&starter, order) {
            tracing::error!(%executor, %failure, "cannot be started");
            starter.ended(executor, failure.to_string());
        }
    });
    if let Err(error) = started {
        worker.ended(executor, format!("no thread to start it: {error}"));
    }
}

fn run(worker: &Arc<Worker>, order: StartExecutor) -> Result<()> {
    let executor = order.executor;
    for file in &order.files {
        worker.program(file)?;
    }
    let program = Program::of(order.kind, worker.program(&order.program)?, &worker.settings.python);
    let folder =
        worker.settings.folder.join("jobs").join(&order.job).join(format!("executor-{}", executor.0));
    std::fs::create_dir_all(&folder).map_err(|error| {
        Failure::external(format!("the folder {} cannot be made", folder.display())).because(error)
    })?;
    let mut master: SocketAddr = order.master;
    if master.ip().is_unspecified() {
        // It listens everywhere on the job manager's machine.
        master.set_ip(worker.manager()?.ip());
    }
    let charge = Charge {
        job: order.job.clone(),
        term: order.term,
        token: worker.settings.security.token.derive(&order.seed),
        tls: worker.settings.security.tls.as_ref().map(|tls| tls.files().clone()),
        listen: worker.listen,
        log: worker.settings.log,
        local: Some(worker.copies.of(&order.job)),
        role: Role::Executor { executor, slots: order.slots, master },
    };
    let launch = Launch {
        program,
        name: order.file_name,
        arguments: order.arguments,
        environment: order.environment,
        folder: folder.clone(),
        charge,
    };
    let (printing, ending, job) = (Arc::downgrade(worker), Arc::downgrade(worker), order.job);
    // What ends at once waits here until it is known as running.
    let mut state = worker.executors.state();
    if matches!(state.here.get(&executor), Some(Entry { phase: Phase::Unwanted, .. })) {
        drop(state);
        worker.ended(executor, "it was told to end before it was started".to_owned());
        return Ok(());
    }
    let running = launch.start(
        move |stream, text| {
            if let Some(worker) = printing.upgrade() {
                worker.executors.tell(&FromWorker::Said { executor, job: job.clone(), stream, text });
            }
        },
        move |exit| {
            leave(&folder);
            if let Some(worker) = ending.upgrade() {
                tracing::info!(%executor, %exit, "has ended");
                worker.ended(executor, exit.to_string());
            }
        },
    )?;
    if let Some(entry) = state.here.get_mut(&executor) {
        entry.phase = Phase::Running(running);
    }
    Ok(())
}

/// Removes the folder that a process worked in, and its job's, if nothing was left there but files of its program.
fn leave(folder: &Path) {
    let _none = std::fs::remove_dir_all(folder.join(ADDED));
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
            let _gone = std::fs::remove_file(entry.path());
        }
    }
    for empty in [Some(folder), folder.parent()].into_iter().flatten() {
        // What the program wrote stays.
        let _kept = std::fs::remove_dir(empty);
    }
}
