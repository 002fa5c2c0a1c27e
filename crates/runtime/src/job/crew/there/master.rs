//! The master of a program: its lines to the job manager and to its executors.
//!
//! Answers for who has introduced itself, for bringing what executors tell to the attempt that it is about, and for telling
//! the job manager how the job is. Not for what is decided: that is each job's coordinator's.
//! Holds: what an executor tells about an attempt that is over goes nowhere; an executor is lost once.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_network::reception::Owner;
use millstream_network::{Arrived, Hearer, Introduction, Pulse, Reception, Speaker, Token, connect};

use super::roster::{Lacking, Placement, Roster};
use super::seat::Seat;
use super::team::Attending;
use crate::control::{
    Ask as Question, AskId, Charge, ExecutorId, Granted, ToExecutor, ToJob, ToManager, ToMaster,
};
use crate::job::JobResult;
use crate::job::checkpoints::Run;
use crate::job::message::{Ask, Message};
use crate::site::desert;

/// From one report to the next.
const REPORT: Duration = Duration::from_secs(1);

#[derive(Default)]
struct State {
    roster: Roster,
    executors: HashMap<ExecutorId, Speaker<ToExecutor>>,
    granted: Vec<Granted>,
    free: u32,
    needs: BTreeMap<u64, u32>,
    seats: BTreeMap<u64, Arc<Seat>>,
    ended: BTreeMap<u64, ToExecutor>,
    attending: HashMap<u64, Arc<Attending>>,
}

/// See the module.
pub(crate) struct Master {
    job: String,
    term: u64,
    manager: Speaker<ToManager>,
    state: Mutex<State>,
    attempts: AtomicU64,
    jobs: AtomicU64,
    reception: Mutex<Option<Reception>>,
}

impl Master {
    /// Calls the job manager, and listens for executors.
    ///
    /// # Errors
    /// If the job manager cannot be reached, or no port be had.
    pub(crate) fn start(charge: &Charge, manager: SocketAddr) -> Result<Arc<Self>> {
        let own = Introduction {
            role: "master".into(),
            name: charge.job.clone(),
            job: charge.job.clone(),
            term: charge.term,
        };
        let security = charge.security()?;
        let (manager, orders) =
            connect::<ToManager, ToMaster>(&manager.to_string(), &own, &security, Pulse::default())?;
        let master = Arc::new(Self {
            job: charge.job.clone(),
            term: charge.term,
            manager,
            state: Mutex::default(),
            // Terms do not meet in their attempts.
            attempts: AtomicU64::new(charge.term << 32),
            jobs: AtomicU64::new(0),
            reception: Mutex::new(None),
        });
        let door = Door { own, token: security.token.clone(), master: master.clone() };
        let reception = Reception::open(charge.listen, 0, security, door)?;
        let executors = reception.address();
        *master.reception.lock().unwrap_or_else(PoisonError::into_inner) = Some(reception);
        master.manager.say(&ToManager::Here { executors })?;
        let own = master.clone();
        spawn("orders of the job manager", move || own.follow(orders))?;
        let own = master.clone();
        spawn("reports", move || own.report_each_second())?;
        Ok(master)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next job of the program.
    pub(crate) fn next_job(&self) -> u64 {
        self.jobs.fetch_add(1, Ordering::Relaxed)
    }

    /// The name of a job of the program in its checkpoints, and whether a master before this one may have begun it.
    pub(crate) fn run(&self, number: u64) -> Run {
        Run { name: Some(format!("{} {number}", self.job)), taken_over: self.term > 1 }
    }

    /// A number that no attempt has had.
    pub(crate) fn next_attempt(&self) -> u64 {
        self.attempts.fetch_add(1, Ordering::Relaxed)
    }

    /// A job of the program begins.
    pub(crate) fn seat(&self, number: u64, seat: Arc<Seat>) {
        self.lock().seats.insert(number, seat);
    }

    /// A job of the program has ended: everybody goes on with its result.
    pub(crate) fn ended(&self, number: u64, result: &Result<JobResult>) {
        let seat = self.lock().seats.get(&number).cloned();
        if let Some(seat) = seat {
            self.tell_manager(&ToManager::Report(Box::new(seat.report())));
        }
        let result = match result {
            Ok(result) => Ok(result.clone()),
            // Whoever hears it need not tell its parts apart.
            Err(failure) => Err(failure.told_again()),
        };
        let message = ToExecutor::Ended { number, result };
        let mut state = self.lock();
        state.executors.values().for_each(|executor| drop(executor.say(&message)));
        state.ended.insert(number, message);
        state.needs.remove(&number);
    }

    /// How many slots a job needs.
    pub(crate) fn need(&self, number: u64, slots: u32) {
        let slots = {
            let mut state = self.lock();
            state.needs.insert(number, slots);
            // Jobs of one program share slots, as the chains of one job do.
            state.needs.values().copied().max().unwrap_or(0)
        };
        self.tell_manager(&ToManager::Need { slots });
    }

    /// Places the subtasks of a job.
    ///
    /// # Errors
    /// What is lacking.
    pub(crate) fn place(&self, number: u64, fingerprint: &str, chains: &[u32]) -> Result<Placement, Lacking> {
        self.lock().roster.place(number, fingerprint, chains)
    }

    /// What a job waits for that has too few slots, for people.
    pub(crate) fn slots_lacking(&self, have: u32, need: u32) -> String {
        let state = self.lock();
        let granted: u32 = state.granted.iter().map(|granted| granted.slots).sum();
        if granted >= need {
            return format!(
                "{need} slots are there; their processes are being started, {have} have come to the job"
            );
        }
        let lacking = need - granted;
        format!(
            "{need} slots are needed, {granted} are there and {} free: start workers with {lacking} more slots, or lower the \
             parallelism",
            state.free
        )
    }

    /// Tells an executor something; one that is gone is missed elsewhere.
    pub(crate) fn say_to(&self, executor: ExecutorId, message: &ToExecutor) {
        let speaker = self.lock().executors.get(&executor).cloned();
        if let Some(speaker) = speaker
            && let Err(failure) = speaker.say(message)
        {
            tracing::debug!(%failure, "{executor} was not told");
        }
    }

    /// What executors tell about an attempt goes there, until it is over.
    pub(crate) fn attend(&self, attempt: u64, attending: Arc<Attending>) {
        self.lock().attending.insert(attempt, attending);
    }

    /// The attempt is over.
    pub(crate) fn forget(&self, attempt: u64) {
        self.lock().attending.remove(&attempt);
    }

    fn tell_manager(&self, message: &ToManager) {
        // A job manager that is gone ends this process by other ways.
        if let Err(failure) = self.manager.say(message) {
            tracing::debug!(%failure, "the job manager was not told");
        }
    }

    /// Somebody's thread: an executor, until it is gone.
    fn welcome(&self, caller: Arrived) {
        let name = caller.introduction.name.clone();
        let conversation = caller.converse::<ToExecutor, ToJob>(Pulse::default());
        let heard = conversation.and_then(|(speaker, mut hearer)| match hearer.hear()? {
            ToJob::Here { executor, slots, data } => {
                let mut state = self.lock();
                state.roster.add(executor, slots, data);
                state.executors.insert(executor, speaker);
                Ok((executor, hearer))
            }
            other => Err(Failure::internal(format!("an executor began with {other:?}"))),
        });
        match heard {
            Ok((executor, mut hearer)) => {
                let why = loop {
                    match hearer.hear() {
                        Ok(message) => self.hear(executor, message),
                        Err(failure) => break failure.to_string(),
                    }
                };
                self.lose(executor, &why);
            }
            Err(failure) => {
                tracing::warn!(%failure, "executor {name} did not get as far as saying who it is")
            }
        }
    }

    fn hear(&self, executor: ExecutorId, message: ToJob) {
        let attending = |attempt: u64| self.lock().attending.get(&attempt).cloned();
        match message {
            ToJob::Here { .. } => {}
            ToJob::AtJob { number, fingerprint } => {
                let mut state = self.lock();
                state.roster.at_job(executor, number, fingerprint);
                if let (Some(ended), Some(speaker)) =
                    (state.ended.get(&number), state.executors.get(&executor))
                {
                    let _ = speaker.say(ended);
                }
                drop(state);
                self.stir();
            }
            ToJob::Ready { attempt } => {
                if let Some(attending) = attending(attempt) {
                    attending.ready(executor);
                }
            }
            ToJob::Happened { attempt, what } => {
                if let Some(attending) = attending(attempt) {
                    attending.happened(what);
                }
            }
            ToJob::Left { attempt, stuck } => {
                if let Some(failure) = stuck {
                    tracing::warn!(%failure, "{executor} ends, since subtasks of it do not");
                }
                if let Some(attending) = attending(attempt) {
                    attending.left(executor);
                }
            }
            ToJob::Counted { attempt, counted } => {
                if let Some(attending) = attending(attempt) {
                    attending.counted(executor, counted);
                }
            }
        }
    }

    fn lose(&self, executor: ExecutorId, why: &str) {
        let attending: Vec<Arc<Attending>> = {
            let mut state = self.lock();
            if !state.roster.remove(executor) {
                return;
            }
            if let Some(speaker) = state.executors.remove(&executor) {
                speaker.close();
            }
            state.attending.values().cloned().collect()
        };
        tracing::warn!("{executor} is gone: {why}");
        attending.iter().for_each(|attending| attending.lost(executor, why));
        self.stir();
    }

    /// Lets waiting jobs look again.
    fn stir(&self) {
        let seats: Vec<Arc<Seat>> = self.lock().seats.values().cloned().collect();
        seats.iter().filter(|seat| seat.is_open()).for_each(|seat| seat.tell(Message::Stir));
    }

    /// The job manager's thread.
    fn follow(self: &Arc<Self>, mut orders: Hearer<ToMaster>) {
        loop {
            match orders.hear() {
                Ok(ToMaster::Slots { granted, free }) => {
                    {
                        let mut state = self.lock();
                        (state.granted, state.free) = (granted, free);
                    }
                    self.stir();
                }
                Ok(ToMaster::Gone { executor, why }) => self.lose(executor, &why),
                Ok(ToMaster::Ask(id, question)) => self.answer(id, question),
                Err(failure) => desert(&failure.to_string()),
            }
        }
    }

    fn answer(self: &Arc<Self>, id: AskId, question: Question) {
        let seat = self.lock().seats.values().rev().find(|seat| seat.is_open()).cloned();
        let Some(seat) = seat else {
            let none = Failure::user("no job of the program runs at the moment");
            return self.tell_manager(&ToManager::Answer(id, Err(none)));
        };
        let (to_answer, answered) = crate::sync::mpsc::channel();
        match question {
            Question::Cancel | Question::Stop => {
                let remote = seat.remote();
                if question == Question::Cancel {
                    remote.cancel()
                } else {
                    remote.stop()
                }
                return self.tell_manager(&ToManager::Answer(id, Ok(String::new())));
            }
            Question::StopWithSavepoint => seat.tell(Message::Ask(Ask::StopWithSavepoint(to_answer))),
            Question::Savepoint => seat.tell(Message::Ask(Ask::Savepoint(to_answer))),
        }
        let own = self.clone();
        let wait = move || {
            let gone = || Err(Failure::user("the job ended before its savepoint was complete"));
            let answer = answered.recv().unwrap_or_else(|_| gone());
            own.tell_manager(&ToManager::Answer(id, answer));
        };
        if let Err(failure) = spawn("savepoint", wait) {
            self.tell_manager(&ToManager::Answer(id, Err(failure)));
        }
    }

    fn report_each_second(&self) {
        loop {
            std::thread::sleep(REPORT);
            let seats: Vec<Arc<Seat>> = self.lock().seats.values().cloned().collect();
            for seat in seats.iter().filter(|seat| seat.is_open()) {
                self.tell_manager(&ToManager::Report(Box::new(seat.report())));
            }
        }
    }
}

/// Where executors come in.
struct Door {
    own: Introduction,
    token: Token,
    master: Arc<Master>,
}

impl Owner for Door {
    fn token(&self, _caller: &Introduction) -> Option<Token> {
        Some(self.token.clone())
    }

    fn judge(&self, caller: &Introduction) -> Result<(), String> {
        let Introduction { job, term, .. } = &self.own;
        match () {
            () if caller.job != *job => Err(format!("this is the master of job {job}")),
            () if caller.term != *term => Err(format!("this is term {term} of job {job}")),
            () => Ok(()),
        }
    }

    fn welcome(&self, caller: Arrived) {
        self.master.welcome(caller);
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(run);
    thread
        .map(drop)
        .map_err(|error| Failure::external(format!("the thread `{name}` cannot be started")).because(error))
}
