//! The master of a program: its lines to the job manager and to its executors.
//!
//! Answers for who has introduced itself, for bringing what executors tell to the attempt that it is about, and for telling
//! the job manager how the job is. Not for what is decided: that is each job's coordinator's.
//! Holds: what an executor tells about an attempt that is over goes nowhere; an executor is lost once.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_network::reception::Owner;
use millstream_network::{Arrived, Hearer, Introduction, Pulse, Reception, Speaker, Token, connect};

use super::roster::{Lacking, Placement, Roster};
use super::seat::Seat;
use super::team::Attending;
use crate::control::{
    Ask as Question, AskId, Charge, ExecutorId, Granted, Report, StageEvent, ToExecutor, ToJob, ToManager,
    ToMaster,
};
use crate::job::JobResult;
use crate::job::checkpoints::Run;
use crate::job::message::{Ask, Message};
use crate::site::desert;

/// How long the job manager may take to hear the last word.
const PARTING: Duration = Duration::from_secs(2);
/// From one report to the next.
const REPORT: Duration = Duration::from_secs(1);

#[derive(Default)]
struct State {
    roster: Roster,
    executors: HashMap<ExecutorId, Speaker<ToExecutor>>,
    granted: Vec<Granted>,
    free: u32,
    /// How many slots each job can use, and with how many it can run.
    needs: BTreeMap<u64, (u32, u32)>,
    seats: BTreeMap<u64, Arc<Seat>>,
    ended: BTreeMap<u64, ToExecutor>,
    attending: HashMap<u64, Arc<Attending>>,
}

/// The stages of the program's batches, as far as the master's lines concern them.
pub(crate) trait Stages: Send + Sync {
    /// Executors came, came to a job, or are gone; or the slots are others.
    fn stir(&self);
    /// An executor told something.
    fn hear(&self, executor: ExecutorId, event: StageEvent);
    /// How the job is that runs, if one does.
    fn report(&self) -> Option<Report>;
    /// Ends the job that runs; false if none does.
    fn cancel(&self) -> bool;
    /// No task of a program that runs here alone can be run any more.
    fn fail(&self, why: &Failure);
}

/// An executor that is there, for one job of the program.
pub(crate) struct Attendee {
    pub(crate) executor: ExecutorId,
    pub(crate) slots: u32,
    /// The fingerprint of its plan, once it has come to the job.
    pub(crate) fingerprint: Option<String>,
}

/// See the module.
pub(crate) struct Master {
    charge: Charge,
    stages: OnceLock<Arc<dyn Stages>>,
    job: String,
    term: u64,
    manager: Speaker<ToManager>,
    state: Mutex<State>,
    attempts: AtomicU64,
    jobs: AtomicU64,
    reception: Mutex<Option<Reception>>,
    /// Whether no cluster started this process: it outlives the job.
    is_driver: bool,
    /// Whether there is nothing more to be told to or heard of the job manager.
    left: (Mutex<bool>, Condvar),
}

/// Where a master is called that is no process of the cluster's.
#[derive(Clone, Debug)]
pub struct DriverCharge {
    /// Who it is, and where it listens.
    pub charge: Charge,
    /// HOST:PORT where the job manager listens for masters, as its certificate names it.
    pub manager: String,
    /// The address by which executors reach it, if it is another one than it listens at.
    pub advertised: Option<IpAddr>,
}

impl DriverCharge {
    /// Where executors reach what listens here.
    pub(crate) fn seen_from_afar(&self, mut address: SocketAddr) -> SocketAddr {
        if let Some(advertised) = self.advertised {
            address.set_ip(advertised);
        }
        address
    }
}

impl Master {
    /// Calls the job manager, and listens for executors.
    ///
    /// # Errors
    /// If the job manager cannot be reached, or no port be had.
    pub(crate) fn start(charge: &Charge, manager: SocketAddr) -> Result<Arc<Self>> {
        let (charge, manager) = (charge.clone(), manager.to_string());
        Self::call(&DriverCharge { charge, manager, advertised: None }, false)
    }

    /// The same for a process that no cluster started, and that does not end with the job.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn drive(driver: &DriverCharge) -> Result<Arc<Self>> {
        Self::call(driver, true)
    }

    fn call(driver: &DriverCharge, is_driver: bool) -> Result<Arc<Self>> {
        let DriverCharge { charge, manager, .. } = driver;
        let own = Introduction {
            role: "master".into(),
            name: charge.job.clone(),
            job: charge.job.clone(),
            term: charge.term,
        };
        let security = charge.security()?;
        let (manager, orders) = connect::<ToManager, ToMaster>(manager, &own, &security, Pulse::default())?;
        let master = Arc::new(Self {
            charge: charge.clone(),
            stages: OnceLock::new(),
            job: charge.job.clone(),
            term: charge.term,
            manager,
            state: Mutex::default(),
            // Terms do not meet in their attempts.
            attempts: AtomicU64::new(charge.term << 32),
            jobs: AtomicU64::new(0),
            reception: Mutex::new(None),
            is_driver,
            left: (Mutex::new(false), Condvar::new()),
        });
        let door = Door { own, token: security.token.clone(), master: master.clone() };
        let reception = Reception::open(charge.listen, 0, security, door)?;
        let executors = driver.seen_from_afar(reception.address());
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
        self.conclude(number, ToExecutor::Ended { number, result });
    }

    /// Tells all executors how a job of the program ended, those that come later too.
    pub(crate) fn conclude(&self, number: u64, message: ToExecutor) {
        let mut state = self.lock();
        state.executors.values().for_each(|executor| drop(executor.say(&message)));
        state.ended.insert(number, message);
        state.needs.remove(&number);
    }

    /// What this process was started with.
    pub(crate) fn charge(&self) -> &Charge {
        &self.charge
    }

    /// What concerns stages goes there. False if it goes elsewhere already.
    pub(crate) fn attach(&self, stages: Arc<dyn Stages>) -> bool {
        self.stages.set(stages).is_ok()
    }

    /// The executors that are there, and which of them have come to a job of the program.
    pub(crate) fn attendees(&self, number: u64) -> Vec<Attendee> {
        self.lock().roster.attendees(number)
    }

    /// The executors that the job was granted.
    pub(crate) fn granted(&self) -> Vec<Granted> {
        self.lock().granted.clone()
    }

    /// How many slots a job can use, and with how many it can run.
    pub(crate) fn need(&self, number: u64, slots: u32, least: u32) {
        let (slots, least) = {
            let mut state = self.lock();
            state.needs.insert(number, (slots, least));
            // Jobs of one program share slots, as the chains of one job do.
            let slots = state.needs.values().map(|(slots, _)| *slots).max().unwrap_or(0);
            (slots, state.needs.values().map(|(_, least)| *least).max().unwrap_or(0))
        };
        self.tell_manager(&ToManager::Need { slots, least });
    }

    /// The slots of executors that have come to a job.
    pub(crate) fn slots_at(&self, number: u64) -> u32 {
        self.lock().roster.slots_at(number)
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

    /// Tells all executors something.
    pub(crate) fn say_to_all(&self, message: &ToExecutor) {
        let speakers: Vec<_> = self.lock().executors.values().cloned().collect();
        for speaker in speakers {
            if let Err(failure) = speaker.say(message) {
                tracing::debug!(%failure, "an executor was not told");
            }
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

    pub(crate) fn tell_manager(&self, message: &ToManager) {
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
            ToJob::Unfit(failure) => {
                let why = format!("the program cannot run in {executor}: {failure}");
                if let Some(stages) = self.stages.get() {
                    stages.fail(&Failure::user(why.clone()));
                }
                self.lock().roster.unfit(why);
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
            ToJob::Stages(event) => {
                if let Some(stages) = self.stages.get() {
                    stages.hear(executor, event);
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
        if let Some(stages) = self.stages.get() {
            stages.stir();
        }
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
                Err(failure) => {
                    let has_left = std::mem::replace(&mut *self.has_left(), true);
                    self.left.1.notify_all();
                    if !self.is_driver {
                        desert(&failure.to_string());
                    }
                    if !has_left && let Some(stages) = self.stages.get() {
                        stages.fail(&why_gone(&failure));
                    }
                    return;
                }
            }
        }
    }

    fn has_left(&self) -> MutexGuard<'_, bool> {
        self.left.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says the last word about the job, and lets go of everybody.
    pub(crate) fn leave(&self, failure: Option<String>) {
        let mut left = self.has_left();
        if !*left {
            self.tell_manager(&ToManager::Ended { failure });
            // The job manager hangs up once it has heard it. What follows is of no interest.
            let waited = self.left.1.wait_timeout_while(left, PARTING, |left| !*left);
            left = waited.unwrap_or_else(PoisonError::into_inner).0;
            *left = true;
        }
        drop(left);
        self.manager.close();
        drop(self.reception.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.lock().executors.values().for_each(Speaker::close);
    }

    fn answer(self: &Arc<Self>, id: AskId, question: Question) {
        let seat = self.lock().seats.values().rev().find(|seat| seat.is_open()).cloned();
        let Some(seat) = seat else {
            let ends = matches!(question, Question::Cancel | Question::Stop);
            if ends && self.stages.get().is_some_and(|stages| stages.cancel()) {
                return self.tell_manager(&ToManager::Answer(id, Ok(String::new())));
            }
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
        while !*self.has_left() {
            std::thread::sleep(REPORT);
            let seats: Vec<Arc<Seat>> = self.lock().seats.values().cloned().collect();
            for seat in seats.iter().filter(|seat| seat.is_open()) {
                self.tell_manager(&ToManager::Report(Box::new(seat.report())));
            }
            if let Some(report) = self.stages.get().and_then(|stages| stages.report()) {
                self.tell_manager(&ToManager::Report(Box::new(report)));
            }
        }
    }
}

/// What a program is told whose job is over before it is.
fn why_gone(failure: &Failure) -> Failure {
    Failure::external(
        "the job of this program has ended on the cluster: it was cancelled, or the job manager is gone",
    )
    .because(failure.to_string())
    .advice("see millstream list; begin again with a new context")
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
