//! A program on a cluster inside of a test: real processes, with the test as their job manager and workers.
//!
//! Answers for starting master and executors of any binary, for what the master reports, and for hurting processes. Not
//! for the job manager that ships (crate `cluster`), nor for judging results.
//! Holds: no process outlives the [`Cluster`]; slots that are killed come again as new executors when asked for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is missing")]

mod process;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millstream_network::reception::Owner;
use millstream_network::{Arrived, Introduction, Pulse, Reception, Security, Speaker, Tls, TlsFiles, Token};
use millstream_runtime::control::{
    Ask, AskId, Charge, ExecutorId, Granted, Report, Role, ToManager, ToMaster,
};

use millstream_runtime::log::Log;
pub use process::{Process, Signal};

/// How long something may take that should be there soon, on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(120);
const TOKEN: &str = "the secret of a test";

/// A program and its arguments.
#[derive(Clone, Debug)]
pub struct Program {
    binary: PathBuf,
    arguments: Vec<String>,
}

impl Program {
    /// The binary, without arguments.
    pub fn new(binary: impl AsRef<Path>) -> Self {
        Self { binary: binary.as_ref().to_owned(), arguments: Vec::new() }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl ToString) -> Self {
        self.arguments.push(argument.to_string());
        self
    }
}

/// What a master has said.
#[derive(Default)]
struct Heard {
    executors: Option<SocketAddr>,
    needs: u32,
    report: Option<Report>,
    answers: BTreeMap<AskId, Result<String, String>>,
    master: Option<Speaker<ToMaster>>,
}

/// Where the master calls.
struct Desk {
    heard: Arc<Mutex<Heard>>,
    stir: Mutex<Sender<()>>,
}

impl Owner for Desk {
    fn token(&self, _caller: &Introduction) -> Option<Token> {
        Token::new(TOKEN).ok()
    }

    fn judge(&self, _caller: &Introduction) -> Result<(), String> {
        Ok(())
    }

    fn welcome(&self, caller: Arrived) {
        let (speaker, mut hearer) = caller.converse::<ToMaster, ToManager>(Pulse::default()).unwrap();
        self.heard.lock().unwrap().master = Some(speaker);
        let stir = self.stir.lock().unwrap().clone();
        while let Ok(message) = hearer.hear() {
            let mut heard = self.heard.lock().unwrap();
            match message {
                ToManager::Here { executors } => heard.executors = Some(executors),
                ToManager::Need { slots, .. } => heard.needs = slots,
                ToManager::Report(report) => heard.report = Some(*report),
                ToManager::Answer(id, answer) => {
                    heard.answers.insert(id, answer.map_err(|failure| failure.to_string()));
                }
                // Its process ends, which is waited for.
                ToManager::Ended { .. } => {}
            }
            let _ = stir.send(());
        }
    }
}

/// A program that runs on processes of its own.
pub struct Cluster {
    program: Program,
    tls: Option<TlsFiles>,
    local: Option<PathBuf>,
    heard: Arc<Mutex<Heard>>,
    stirred: Receiver<()>,
    reception: Reception,
    term: u64,
    master: Option<Process>,
    executors: BTreeMap<ExecutorId, (u32, Process)>,
    next: u64,
    asked: u64,
}

impl Cluster {
    /// Starts the master of a program.
    pub fn start(program: Program) -> Self {
        Self::start_with(program, None)
    }

    /// Starts the master of a program whose processes show these certificates, if there are any.
    pub fn start_with(program: Program, tls: Option<TlsFiles>) -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (stir, stirred) = channel();
        let desk = Desk { heard: heard.clone(), stir: Mutex::new(stir) };
        let security = tls.clone().map_or_else(Security::open, |tls| Security {
            tls: Some(Arc::new(Tls::new(tls).unwrap())),
            ..Security::open()
        });
        let reception = Reception::open([127, 0, 0, 1].into(), 0, security, desk).unwrap();
        let mut own = Self {
            program,
            tls,
            local: None,
            heard,
            stirred,
            reception,
            term: 0,
            master: None,
            executors: BTreeMap::new(),
            next: 0,
            asked: 0,
        };
        own.start_master();
        own
    }

    /// Executors that are started from now on keep copies of their state below this folder, which is the test's to remove.
    pub fn keep_copies_in(&mut self, folder: impl Into<PathBuf>) {
        self.local = Some(folder.into());
    }

    /// Starts a master: another term, if there was one before.
    pub fn start_master(&mut self) {
        self.term += 1;
        *self.heard.lock().unwrap() = Heard::default();
        let role = Role::Master { manager: self.reception.address() };
        self.master = Some(self.process(role));
    }

    fn process(&self, role: Role) -> Process {
        let charge = Charge {
            job: "j-test".into(),
            term: self.term,
            token: TOKEN.into(),
            tls: self.tls.clone(),
            listen: [127, 0, 0, 1].into(),
            log: Log::default(),
            local: self.local.clone(),
            role,
        };
        Process::start(&self.program.binary, &self.program.arguments, &charge)
    }

    /// Starts an executor of so many slots, once the master listens.
    pub fn add_executor(&mut self, slots: u32) -> ExecutorId {
        self.wait_until("the master listens", |heard| heard.executors.is_some());
        let master = self.heard.lock().unwrap().executors.unwrap();
        let executor = ExecutorId(self.next);
        self.next += 1;
        let process = self.process(Role::Executor { executor, slots, master });
        self.executors.insert(executor, (slots, process));
        self.tell_slots();
        executor
    }

    fn tell_slots(&self) {
        let granted = self.executors.iter().map(|(executor, (slots, _))| Granted {
            executor: *executor,
            worker: "the test".into(),
            slots: *slots,
        });
        let message = ToMaster::Slots { granted: granted.collect(), free: 0 };
        if let Some(master) = &self.heard.lock().unwrap().master {
            // A master that is gone is noticed by who waits for it.
            let _ = master.say(&message);
        }
    }

    /// Does something to an executor.
    pub fn signal(&mut self, executor: ExecutorId, signal: Signal) {
        if let Some((_, process)) = self.executors.get_mut(&executor) {
            process.signal(signal);
        }
    }

    /// Kills an executor; gives how many slots are gone with it.
    pub fn kill(&mut self, executor: ExecutorId) -> u32 {
        let Some((slots, mut process)) = self.executors.remove(&executor) else { return 0 };
        process.kill();
        self.tell_slots();
        slots
    }

    /// Kills the master and waits for its executors to end by themselves.
    pub fn kill_master(&mut self) {
        if let Some(mut master) = self.master.take() {
            master.kill();
        }
        for (_, (_, mut process)) in std::mem::take(&mut self.executors) {
            process.wait(PATIENCE);
        }
    }

    /// The executors that were started and not killed.
    pub fn executors(&self) -> Vec<ExecutorId> {
        self.executors.keys().copied().collect()
    }

    /// The number in the system of an executor's process.
    pub fn process_of(&self, executor: ExecutorId) -> Option<u32> {
        self.executors.get(&executor).map(|(_, process)| process.id())
    }

    /// How many slots the program asked for.
    pub fn needs(&self) -> u32 {
        self.heard.lock().unwrap().needs
    }

    /// What the master said last.
    pub fn report(&self) -> Option<Report> {
        self.heard.lock().unwrap().report.clone()
    }

    /// Asks the master something and waits for the answer.
    pub fn ask(&mut self, ask: Ask) -> Result<String, String> {
        let id = AskId(self.asked);
        self.asked += 1;
        let master = self.heard.lock().unwrap().master.clone();
        master.unwrap().say(&ToMaster::Ask(id, ask)).unwrap();
        self.wait_until("the master answers", |heard| heard.answers.contains_key(&id));
        self.heard.lock().unwrap().answers.remove(&id).unwrap()
    }

    /// Waits until the report is as `is` wants it.
    pub fn wait_for_report(&mut self, what: &str, is: impl Fn(&Report) -> bool) -> Report {
        self.wait_until(what, |heard| heard.report.as_ref().is_some_and(&is));
        self.report().unwrap()
    }

    fn wait_until(&mut self, what: &str, is: impl Fn(&Heard) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if is(&self.heard.lock().unwrap()) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let step = left.min(Duration::from_millis(200));
            if let Err(RecvTimeoutError::Disconnected) = self.stirred.recv_timeout(step) {
                panic!("the reception is gone");
            }
            let ended = self.master.as_mut().and_then(|master| master.has_ended());
            let heard = self.heard.lock().unwrap();
            if is(&heard) {
                return;
            }
            let last = heard.report.clone();
            drop(heard);
            if ended.is_some() || left.is_zero() {
                panic!("waited for this in vain: {what}; the master: {ended:?}; {last:?}\n{}", self.said());
            }
        }
    }

    /// Waits for the program's end.
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.master.as_mut().unwrap().wait(PATIENCE);
        for (_, process) in self.executors.values_mut() {
            process.wait(PATIENCE);
        }
        status
    }

    /// Whether the program has ended.
    pub fn has_ended(&mut self) -> bool {
        self.master.as_mut().is_none_or(|master| master.has_ended().is_some())
    }

    /// What all processes wrote to their standard error.
    pub fn said(&self) -> String {
        let executors = self.executors.values().map(|(_, process)| process.said());
        let said: Vec<String> = self.master.iter().map(Process::said).chain(executors).collect();
        said.join("\n---\n")
    }
}
