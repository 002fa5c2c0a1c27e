//! What the world does with what the dispatcher says, and what it is held to.

use std::collections::BTreeSet;

use millstream_model::error::Failure;
use millstream_runtime::control::{Ask, ToMaster};

use super::world::{Master, World, exit};
use crate::dispatcher::{Action, Event, JobId, Wish, WorkerId};

impl World {
    pub(super) fn obey(&mut self, action: Action) {
        match action {
            Action::StartMaster(start) => {
                let id = (start.job, start.term);
                let last = self.terms.insert(start.job, start.term);
                assert!(last.is_none_or(|last| last < start.term), "{id:?} begins a term that was before");
                assert!(
                    !self.masters.keys().any(|(job, _)| *job == start.job),
                    "{} has two masters: {}",
                    start.job,
                    self.log
                );
                if !self.calm && self.chance.once_in(40) {
                    self.note("master not started");
                    let failure = Failure::external("no such file");
                    self.send(Event::MasterNotStarted { job: id.0, term: id.1, failure });
                } else {
                    self.masters.insert(id, Master::default());
                }
            }
            Action::ExpectMaster(start) => panic!("{} has a master that is started", start.job),
            Action::EndMaster { job, term } => self.end_master((job, term), exit(None)),
            Action::TellMaster { job, term, what } => self.told(job, term, what),
            Action::StartExecutor { worker, executor, slots, start, .. } => {
                assert!(self.numbers.insert(executor), "{executor} was there before");
                if !self.calm && self.chance.once_in(30) {
                    self.note("executor not started");
                    return self.send(Event::ExecutorExited { worker, executor, why: "disk full".into() });
                }
                // An order to a worker that is gone is lost with it.
                if let Some(at) = self.workers.get_mut(&worker) {
                    at.running.insert(executor, (start.job, start.term, slots));
                    let taken: u32 = at.running.values().map(|(_, _, slots)| slots).sum();
                    assert!(
                        taken <= at.slots,
                        "{worker} has {} slots, {taken} are taken: {}",
                        at.slots,
                        self.log
                    );
                }
            }
            Action::EndExecutor { executor, .. } => {
                self.told_to_end.insert(executor);
            }
            Action::Reply(reply, answer) => {
                assert!(self.open.remove(&reply), "{reply:?} is answered again with {answer:?}");
                match &answer {
                    Ok(text) if text.contains("cancelled") => self.note("cancel answered"),
                    Ok(text) if text.contains("ended") => self.note("stop answered"),
                    Ok(text) if text.contains("goes on from") => self.note("rescaled"),
                    Ok(text) if text.starts_with("savepoint-") => self.note("savepoint answered"),
                    Ok(_) => {}
                    Err(_) => self.note("refused"),
                }
            }
            Action::Keep(record) => {
                if let Some(outcome) = &record.outcome {
                    let why = outcome.failure.clone().unwrap_or_default();
                    if why.contains("it waited") {
                        self.note("given up");
                    }
                }
                self.records.insert(record.id, record);
            }
            Action::Forget(job) => {
                self.note("forgotten");
                self.records.remove(&job);
            }
        }
    }

    fn told(&mut self, job: JobId, term: u64, what: ToMaster) {
        let told_to_end = &self.told_to_end;
        let Some(master) = self.masters.get_mut(&(job, term)) else { return };
        match what {
            ToMaster::Slots { granted, .. } => {
                let ended = granted.iter().find(|granted| told_to_end.contains(&granted.executor));
                assert!(ended.is_none(), "{job} is granted {ended:?}, which was told to end");
                master.granted = granted.iter().map(|granted| (granted.executor, granted.slots)).collect();
            }
            ToMaster::Gone { executor, .. } => master.granted.retain(|(id, _)| *id != executor),
            ToMaster::Ask(ask, what) => master.asks.push((ask, what)),
        }
    }

    pub(super) fn check(&mut self) {
        let waiting = self.dispatcher.jobs().iter().any(|job| job.waits_for.is_some());
        if waiting {
            self.note("waits");
        }
        // What is counted is what the world has, and what of it is lost is on its way to the dispatcher.
        let view = self.dispatcher.workers();
        let lost = |id: &WorkerId| !self.workers.contains_key(id);
        for worker in &view {
            let is_told = self.under_way.iter().any(
                |(_, event)| matches!(event, Event::WorkerLost { worker: gone, .. } if *gone == worker.id),
            );
            assert!(!lost(&worker.id) || is_told, "{} is counted, though it is lost", worker.id);
            let taken: u32 = worker.executors.iter().map(|executor| executor.slots).sum();
            assert!(taken <= worker.slots, "{} has {} slots, {taken} are granted", worker.id, worker.slots);
        }
        let running: BTreeSet<JobId> =
            self.dispatcher.jobs().iter().filter(|job| !job.state.is_final()).map(|job| job.id).collect();
        let mut back = false;
        for (id, worker) in &self.workers {
            for (executor, (job, _, _)) in &worker.running {
                let told = self.told_to_end.contains(executor);
                assert!(running.contains(job) || told, "{executor} of {job} runs on {id}, its job has ended");
                back |= running.contains(job) && told;
            }
        }
        for (job, _) in self.masters.keys() {
            assert!(running.contains(job), "{job} has ended, its master runs");
        }
        if back {
            self.note("slots taken back");
        }
    }

    /// Nothing fails any more, and all that was asked comes to its answer.
    pub(super) fn come_to_rest(&mut self) {
        self.calm = true;
        for _ in 0..800 {
            self.step();
        }
        // Who waits, though there are slots: at most those that the cluster is too small for, or that wait for others.
        self.no_one_waits_in_vain();
        let running: Vec<JobId> =
            self.dispatcher.jobs().iter().filter(|job| !job.state.is_final()).map(|job| job.id).collect();
        for job in running {
            let reply = self.reply();
            self.tell(Event::Wished { reply, job, wish: Wish::Master(Ask::Cancel) });
        }
        for _ in 0..800 {
            self.step();
        }
        assert!(self.open.is_empty(), "nobody answers {:?}: {}", self.open, self.log);
        assert!(self.masters.is_empty(), "masters run: {:?}", self.masters);
        let left: usize = self.workers.values().map(|worker| worker.running.len()).sum();
        assert_eq!(left, 0, "executors run though no job does");
        let overview = self.dispatcher.overview();
        assert_eq!(overview.slots_free, overview.slots, "slots are taken though no job runs");
        assert_eq!(overview.slots, self.workers.values().map(|worker| worker.slots).sum::<u32>());
    }

    fn no_one_waits_in_vain(&self) {
        let total: u32 = self.workers.values().map(|worker| worker.slots).sum();
        let settled =
            self.dispatcher.workers().iter().all(|worker| worker.executors.iter().all(|e| !e.ending));
        if !settled || !self.under_way.is_empty() {
            return;
        }
        let needs = |job: &JobId| self.dispatcher.job(*job).map_or(0, |view| view.slots_needed);
        let jobs = self.dispatcher.jobs();
        let mut waiting = jobs.iter().filter(|job| job.waits_for.is_some() && needs(&job.id) <= total);
        if let Some(oldest) = waiting.next() {
            let held: u32 = jobs.iter().filter(|job| job.waits_for.is_none()).map(|job| job.slots).sum();
            let need = needs(&oldest.id);
            assert!(
                need + held > total,
                "{} waits for {need} of {total} slots, {held} are in use: {}",
                oldest.id,
                self.log
            );
        }
    }
}
