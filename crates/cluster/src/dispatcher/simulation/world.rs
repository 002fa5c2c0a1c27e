//! The world outside of the dispatcher, and what it is held to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use millstream_model::error::Failure;
use millstream_runtime::control::{Ask, AskId, ExecutorId, Graph, Report, ToManager};
use millstream_runtime::job::JobStatus;

use super::chance::Chance;
use crate::dispatcher::{
    Dispatcher, Event, Exit, JobId, JobRecord, Limits, Moment, ReplyId, Submission, Wish, WorkerId,
};
use crate::leadership::simulation::Electorate;

/// A process that runs as a master.
#[derive(Debug, Default)]
pub(super) struct Master {
    pub(super) here: bool,
    pub(super) need: u32,
    pub(super) granted: Vec<(ExecutorId, u32)>,
    pub(super) asks: Vec<(AskId, Ask)>,
    /// Its connection is gone.
    pub(super) cut: bool,
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) slots: u32,
    pub(super) running: BTreeMap<ExecutorId, (JobId, u64, u32)>,
}

/// What has happened at least once.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeSet<&'static str>);

const ALL: [&str; 23] = [
    "worker joins",
    "worker lost",
    "executor crashes",
    "executor not started",
    "master crashes",
    "master cut off",
    "master silent",
    "master not started",
    "program fails",
    "program finishes",
    "repeated",
    "stale",
    "cancel answered",
    "stop answered",
    "savepoint answered",
    "rescaled",
    "refused",
    "waits",
    "slots taken back",
    "forgotten",
    "taken over",
    "nobody leads",
    "given up",
];

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.0.extend(other.0.iter());
    }

    pub(super) fn everything(&self) -> bool {
        ALL.iter().all(|what| self.0.contains(what))
    }
}

pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) now: Moment,
    pub(super) dispatcher: Dispatcher,
    pub(super) limits: Limits,
    /// The job managers, of which one leads.
    pub(super) electorate: Electorate,
    /// The term of the one whose dispatcher this is.
    pub(super) term: u64,
    pub(super) workers: BTreeMap<WorkerId, Worker>,
    pub(super) masters: BTreeMap<(JobId, u64), Master>,
    pub(super) next_worker: u64,
    pub(super) next_reply: u64,
    /// Who waits.
    pub(super) open: BTreeSet<ReplyId>,
    /// Messages under way, each with when it arrives.
    pub(super) under_way: Vec<(u64, Event)>,
    /// Old messages, to be heard again.
    pub(super) heard: Vec<Event>,
    pub(super) records: BTreeMap<JobId, JobRecord>,
    pub(super) terms: BTreeMap<JobId, u64>,
    pub(super) numbers: BTreeSet<ExecutorId>,
    pub(super) told_to_end: BTreeSet<ExecutorId>,
    pub(super) events: u64,
    pub(super) seen: Seen,
    pub(super) log: String,
    /// Writing it all down takes longer than all else.
    pub(super) logged: bool,
    pub(super) calm: bool,
}

fn report(status: JobStatus) -> ToManager {
    ToManager::Report(Box::new(Report {
        name: "simulated".into(),
        status,
        waits_for: None,
        number: 0,
        restarts: 0,
        parallelism: 1,
        plan: String::new(),
        graph: Graph::default(),
        operators: Vec::new(),
        records_in_flight: 0,
        checkpoints: Vec::new(),
        exceptions: Vec::new(),
    }))
}

pub(super) fn exit(code: Option<i32>) -> Exit {
    Exit { code, signal: code.is_none().then_some(9), last_words: Vec::new() }
}

/// Those messages of a master and of a worker that may be heard twice.
fn again(event: &Event) -> Option<Event> {
    Some(match event {
        Event::MasterSaid { job, term, said } => {
            let said = match said {
                ToManager::Here { executors } => ToManager::Here { executors: *executors },
                ToManager::Need { slots, least } => ToManager::Need { slots: *slots, least: *least },
                ToManager::Report(report) => ToManager::Report(report.clone()),
                ToManager::Answer(ask, _) => ToManager::Answer(*ask, Ok("again".into())),
                ToManager::Ended { failure } => ToManager::Ended { failure: failure.clone() },
            };
            Event::MasterSaid { job: *job, term: *term, said }
        }
        Event::MasterLost { job, term, why } => {
            Event::MasterLost { job: *job, term: *term, why: why.clone() }
        }
        Event::ExecutorExited { worker, executor, why } => {
            Event::ExecutorExited { worker: *worker, executor: *executor, why: why.clone() }
        }
        Event::WorkerLost { worker, why } => Event::WorkerLost { worker: *worker, why: why.clone() },
        Event::MasterExited { job, term, exit } => {
            Event::MasterExited { job: *job, term: *term, exit: exit.clone() }
        }
        _ => return None,
    })
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let limits = Limits {
            first_words: 3_000,
            slots: chance.once_in(2).then_some(20_000),
            leaving: 2_000,
            parting: 100,
            first_pause: 50,
            longest_pause: 1_000,
            calm: 5_000,
            masters_in_a_row: 4,
            history: 3,
        };
        Self {
            chance,
            now: Moment { steady: 1, wall: 1_000_000 },
            dispatcher: Dispatcher::new(limits, 0),
            limits,
            // So that most jobs come to something.
            electorate: Electorate::with_faults_once_in(1_500),
            term: 0,
            workers: BTreeMap::new(),
            masters: BTreeMap::new(),
            next_worker: 0,
            next_reply: 0,
            open: BTreeSet::new(),
            under_way: Vec::new(),
            heard: Vec::new(),
            records: BTreeMap::new(),
            terms: BTreeMap::new(),
            numbers: BTreeSet::new(),
            told_to_end: BTreeSet::new(),
            events: 0,
            seen: Seen::default(),
            log: String::new(),
            logged: false,
            calm: false,
        }
    }

    pub(super) fn log(&self) -> String {
        self.log.clone()
    }

    pub(super) fn note(&mut self, what: &'static str) {
        self.seen.0.insert(what);
    }

    /// Something is on its way to the dispatcher.
    pub(super) fn send(&mut self, event: Event) {
        let after = if self.chance.once_in(10) { self.chance.below(500) } else { self.chance.below(5) };
        self.under_way.push((self.now.steady + after, event));
    }

    fn say(&mut self, (job, term): (JobId, u64), said: ToManager) {
        let cut = self.masters.get(&(job, term)).is_some_and(|master| master.cut);
        if !cut {
            self.send(Event::MasterSaid { job, term, said });
        }
    }

    /// Lets a little time pass, something arrive, and something happen.
    pub(super) fn step(&mut self) {
        let jump = if self.calm || self.chance.once_in(50) {
            self.chance.below(if self.calm { 100 } else { 3_000 })
        } else {
            self.chance.below(20)
        };
        self.now.steady += jump;
        // The clock on the wall may be set, forth and back.
        self.now.wall += jump as i64;
        if self.chance.once_in(50) {
            self.now.wall += if self.chance.once_in(2) { 500_000 } else { -500_000 };
        }
        if !self.somebody_leads(jump) {
            return;
        }
        self.arrive();
        match self.chance.below(if self.calm { 5 } else { 24 }) {
            0..3 => self.masters_go_on(),
            3 => self.tell(Event::Tick),
            4 => self.executors_go_on(),
            5..8 => self.join(),
            8 | 9 if self.chance.once_in(4) => self.lose_a_worker(),
            10..13 => self.submit(),
            13..18 => self.wish(),
            18 | 19 => self.hear_again(),
            20 if self.chance.once_in(3) => self.crash_a_master(),
            21 => self.crash_an_executor(),
            _ => {}
        }
        self.check();
    }

    /// Whatever is due arrives, in the order of its time.
    fn arrive(&mut self) {
        self.under_way.sort_by_key(|(at, _)| *at);
        let due = self.under_way.partition_point(|(at, _)| *at <= self.now.steady);
        let due: Vec<(u64, Event)> = self.under_way.drain(..due).collect();
        for (_, event) in due {
            self.tell(event);
        }
    }

    fn hear_again(&mut self) {
        let place = self.chance.below(self.heard.len() as u64) as usize;
        // A process ends once; its end is heard again only where another has taken its place.
        let repeated = self.heard.get(place).and_then(again).filter(|event| match event {
            Event::MasterExited { job, term, .. } => self.terms.get(job) != Some(term),
            _ => true,
        });
        if let Some(event) = repeated {
            if matches!(&event, Event::MasterSaid { job, term, .. } if self.terms.get(job) != Some(term)) {
                self.note("stale");
            }
            self.note("repeated");
            self.tell(event);
        }
    }

    fn join(&mut self) {
        if self.workers.len() > 5 {
            return;
        }
        let worker = WorkerId(self.next_worker);
        self.next_worker += 1;
        let slots = 1 + self.chance.below(4) as u32;
        self.workers.insert(worker, Worker { slots, running: BTreeMap::new() });
        self.note("worker joins");
        self.tell(Event::WorkerJoined { worker, name: worker.to_string(), slots, running: Vec::new() });
    }

    /// Its executors go with it: the worker holds the pipes that keep them.
    fn lose_a_worker(&mut self) {
        let ids: Vec<WorkerId> = self.workers.keys().copied().collect();
        if let Some(worker) = self.chance.pick(&ids) {
            self.workers.remove(&worker);
            self.note("worker lost");
            self.send(Event::WorkerLost { worker, why: "cut".into() });
        }
    }

    fn submit(&mut self) {
        if self.masters.len() > 6 {
            return;
        }
        let reply = self.reply();
        let submission = Submission {
            program: "0".into(),
            kind: crate::dispatcher::Kind::Binary,
            files: Vec::new(),
            file_name: "job".into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
        };
        self.tell(Event::Submit { reply, submission, token: "secret".into() });
    }

    pub(super) fn reply(&mut self) -> ReplyId {
        let reply = ReplyId(self.next_reply);
        self.next_reply += 1;
        self.open.insert(reply);
        reply
    }

    fn wish(&mut self) {
        let known = self.records.keys().next_back().map_or(1, |id| id.0) + 1;
        let job = JobId(1 + self.chance.below(known));
        let wish = match self.chance.below(6) {
            0 => Wish::Master(Ask::Cancel),
            1 => Wish::Master(Ask::Stop),
            2 => Wish::Master(Ask::StopWithSavepoint),
            3 | 4 => Wish::Master(Ask::Savepoint),
            _ => Wish::Rescale { parallelism: 1 + self.chance.below(4) as u32 },
        };
        let reply = self.reply();
        self.tell(Event::Wished { reply, job, wish });
    }

    fn a_master(&mut self) -> Option<(JobId, u64)> {
        let ids: Vec<(JobId, u64)> = self.masters.keys().copied().collect();
        self.chance.pick(&ids)
    }

    fn masters_go_on(&mut self) {
        let Some(id) = self.a_master() else { return };
        let Some(master) = self.masters.get(&id) else { return };
        let open = master.asks.first().copied();
        if !master.here {
            if self.calm || !self.chance.once_in(20) {
                if let Some(master) = self.masters.get_mut(&id) {
                    master.here = true;
                }
                self.say(id, ToManager::Here { executors: ([127, 0, 0, 1], 9).into() });
                let slots = 1 + self.chance.below(7) as u32;
                self.need(id, slots);
            } else if self.chance.once_in(2) {
                self.note("program fails");
                self.end_master(id, exit(Some(1)));
            } else {
                self.note("master silent");
            }
            return;
        }
        if let Some((ask, what)) = open {
            if let Some(master) = self.masters.get_mut(&id) {
                master.asks.remove(0);
            }
            let answer = if self.chance.once_in(5) {
                Err(Failure::external("no"))
            } else {
                Ok("savepoint-000001".to_owned())
            };
            let ends = answer.is_ok() && what != Ask::Savepoint;
            self.say(id, ToManager::Answer(ask, answer));
            if ends {
                self.finish(id, JobStatus::Canceled);
            }
            return;
        }
        match self.chance.below(12) {
            0 => {
                let slots = self.chance.below(9) as u32;
                self.need(id, slots);
            }
            1 if !self.calm => self.finish(id, JobStatus::Finished),
            2 if !self.calm && self.chance.once_in(3) => {
                self.note("program fails");
                self.end_master(id, exit(Some(101)));
            }
            _ => self.say(id, report(JobStatus::Running)),
        }
    }

    fn need(&mut self, id: (JobId, u64), slots: u32) {
        if let Some(master) = self.masters.get_mut(&id) {
            master.need = slots;
        }
        self.say(id, ToManager::Need { slots, least: slots });
    }

    fn finish(&mut self, id: (JobId, u64), status: JobStatus) {
        self.say(id, report(status));
        self.note("program finishes");
        self.end_master(id, exit(Some(0)));
    }

    /// The process ends, which its connection tells as well, before or after.
    pub(super) fn end_master(&mut self, id: (JobId, u64), exit: Exit) {
        let Some(master) = self.masters.remove(&id) else { return };
        let (job, term) = id;
        if master.here && !master.cut {
            self.send(Event::MasterLost { job, term, why: "closed".into() });
        }
        self.send(Event::MasterExited { job, term, exit });
    }

    fn crash_a_master(&mut self) {
        let Some(id) = self.a_master() else { return };
        if self.chance.once_in(3) {
            self.note("master cut off");
            let Some(master) = self.masters.get_mut(&id) else { return };
            master.cut = true;
            self.send(Event::MasterLost { job: id.0, term: id.1, why: "cut".into() });
        } else {
            self.note("master crashes");
            self.end_master(id, exit(None));
        }
    }

    fn an_executor(&mut self) -> Option<(WorkerId, ExecutorId)> {
        let all = self
            .workers
            .iter()
            .flat_map(|(id, worker)| worker.running.keys().map(|executor| (*id, *executor)));
        let all: Vec<(WorkerId, ExecutorId)> = all.collect();
        self.chance.pick(&all)
    }

    fn crash_an_executor(&mut self) {
        if let Some((worker, executor)) = self.an_executor() {
            self.note("executor crashes");
            self.end_executor(worker, executor, "crashed");
        }
    }

    /// Those that were told to end do so by and by.
    fn executors_go_on(&mut self) {
        let ending = self
            .workers
            .iter()
            .flat_map(|(id, worker)| worker.running.keys().map(|executor| (*id, *executor)));
        let ending: Vec<(WorkerId, ExecutorId)> =
            ending.filter(|(_, executor)| self.told_to_end.contains(executor)).collect();
        for (worker, executor) in ending {
            if self.calm || self.chance.once_in(2) {
                self.end_executor(worker, executor, "told to");
            }
        }
    }

    fn end_executor(&mut self, worker: WorkerId, executor: ExecutorId, why: &str) {
        if let Some(at) = self.workers.get_mut(&worker) {
            at.running.remove(&executor);
            self.send(Event::ExecutorExited { worker, executor, why: why.into() });
        }
    }

    /// Lets the job managers go on, and another one take over where the last one does not lead any more.
    fn somebody_leads(&mut self, passed: u64) -> bool {
        let mut left = passed;
        loop {
            let some = left.min(50);
            self.electorate.step(some, self.calm, &mut self.chance);
            left -= some;
            if left == 0 {
                break;
            }
        }
        match self.electorate.leaders().first() {
            Some((_, term)) if *term == self.term => true,
            Some((_, term)) => {
                assert!(*term > self.term, "term {term} begins after {}", self.term);
                self.term = *term;
                self.take_over();
                true
            }
            None => {
                self.note("nobody leads");
                false
            }
        }
    }

    /// The masters of the last one ended with it; what it wrote down is read by the next one.
    fn take_over(&mut self) {
        self.note("taken over");
        self.dispatcher = Dispatcher::new(self.limits, self.term as u32);
        // Clients see that their connections break.
        self.open.clear();
        self.masters.clear();
        self.under_way.clear();
        self.heard.clear();
        for record in self.records.clone().into_values() {
            self.tell(Event::Restore { record, token: "other".into() });
        }
        let workers: Vec<WorkerId> = self.workers.keys().copied().collect();
        for old in workers {
            let Some(at) = self.workers.remove(&old) else { continue };
            let worker = WorkerId(self.next_worker);
            self.next_worker += 1;
            let (slots, running) =
                (at.slots, at.running.iter().map(|(id, (_, _, slots))| (*id, *slots)).collect());
            self.workers.insert(worker, at);
            self.tell(Event::WorkerJoined { worker, name: worker.to_string(), slots, running });
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.events += 1;
        if let Some(copy) = again(&event) {
            if self.heard.len() < 200 {
                self.heard.push(copy);
            } else {
                let place = self.chance.below(200) as usize;
                self.heard[place] = copy;
            }
        }
        if self.logged {
            let _ = writeln!(self.log, "{} {event:?}", self.now.steady);
        }
        if self.log.len() > 20_000 {
            let cut = self.log.floor_char_boundary(10_000);
            self.log.drain(..cut);
        }
        let actions = self.dispatcher.handle(self.now, event);
        for action in actions {
            if self.logged {
                let _ = writeln!(self.log, "  {action:?}");
            }
            self.obey(action);
        }
    }
}
