//! Which job gets slots.
//!
//! The oldest job that waits comes first, and gets what it lacks all at once. Nobody overtakes it, unless the whole
//! cluster has too few slots for it or it waits out a pause after crashes. Slots that a younger job holds while it waits
//! for more are taken back for it: that job cannot run with them, and two that hold half each would wait for ever. A job
//! that runs with fewer slots than it could use gets more when nobody waits; it gives none of them back.
//!
//! Holds: the oldest waiting job that the cluster has slots enough for gets them, once jobs that run have left enough.

use std::collections::BTreeMap;

use millstream_runtime::control::{ExecutorId, Granted, ToMaster};

use super::Dispatcher;
use super::event::{Action, JobId, Moment, WorkerId};
use super::outcome::{End, Outcome};
use super::placement::spread;
use super::workers::Executor;

impl Dispatcher {
    /// Gives, takes back, and tells the masters what changed.
    pub(super) fn schedule(&mut self, now: Moment) {
        self.give_back();
        let total = self.slots_in_all();
        let mut oldest_waits = None;
        let waiting: Vec<JobId> = self.waiting().map(|(id, _)| id).collect();
        for id in waiting {
            let Some(job) = self.jobs.get(&id) else { continue };
            if job.least > total || now.steady < job.executors_not_before {
                continue;
            }
            let (granted, free) = (self.granted(id), self.slots_free());
            let missing = job.least - granted;
            if missing > free {
                oldest_waits = Some((id, missing));
                break;
            }
            let wanted = (job.need - granted).min(free);
            self.grant(now, id, wanted);
        }
        match oldest_waits {
            Some((id, missing)) => self.take_back_for(id, missing, total),
            None => self.widen(now),
        }
        self.note_waits(now);
        self.tell_slots();
    }

    /// Gives what is free to jobs that run with fewer slots than they could use.
    fn widen(&mut self, now: Moment) {
        let here = self.jobs.values().filter(|job| job.executors_join_at().is_some());
        let ready = here.filter(|job| now.steady >= job.executors_not_before);
        let narrow = ready.map(|job| (job.id, job.least, job.need, self.granted(job.id)));
        let narrow: Vec<_> = narrow.filter(|(_, least, need, has)| (*least..*need).contains(has)).collect();
        for (id, _, need, granted) in narrow {
            let wanted = (need - granted).min(self.slots_free());
            if wanted > 0 {
                self.grant(now, id, wanted);
            }
        }
    }

    /// The slots of all workers.
    pub(super) fn slots_in_all(&self) -> u32 {
        self.workers.values().map(|worker| worker.slots).sum()
    }

    /// Those that nobody has.
    pub(super) fn slots_free(&self) -> u32 {
        self.free_by_worker().values().sum()
    }

    /// What each worker has free.
    pub(super) fn free_by_worker(&self) -> BTreeMap<WorkerId, u32> {
        let mut free: BTreeMap<WorkerId, u32> =
            self.workers.iter().map(|(id, worker)| (*id, worker.slots)).collect();
        for executor in self.executors.values() {
            if let Some(slots) = free.get_mut(&executor.worker) {
                *slots = slots.saturating_sub(executor.slots);
            }
        }
        free
    }

    /// How many slots a job's master can count on.
    pub(super) fn granted(&self, id: JobId) -> u32 {
        self.executors_of(id).map(|(_, executor)| executor.slots).sum()
    }

    /// Those of its last master that are not ending.
    fn executors_of(&self, id: JobId) -> impl DoubleEndedIterator<Item = (ExecutorId, &Executor)> {
        let term = self.jobs.get(&id).map(|job| job.term);
        self.executors
            .iter()
            .filter(move |(_, executor)| {
                executor.job == Some(id) && Some(executor.term) == term && !executor.ending
            })
            .map(|(id, executor)| (*id, executor))
    }

    /// Jobs with fewer slots than they can run with, the oldest first, and how many they have.
    fn waiting(&self) -> impl DoubleEndedIterator<Item = (JobId, u32)> {
        let here = self.jobs.values().filter(|job| job.executors_join_at().is_some());
        here.map(|job| (job.id, job.least, self.granted(job.id)))
            .filter(|(_, least, granted)| granted < least)
            .map(|(id, _, granted)| (id, granted))
    }

    fn grant(&mut self, now: Moment, id: JobId, missing: u32) {
        let Some((job, master)) = self.jobs.get(&id).and_then(|job| Some((job, job.executors_join_at()?)))
        else {
            return;
        };
        let (term, start) = (job.term, job.start());
        let free: Vec<(WorkerId, u32)> = self.free_by_worker().into_iter().collect();
        for (worker, slots) in spread(&free, missing) {
            let executor = ExecutorId(self.next_executor);
            self.next_executor += 1;
            let entry = Executor { job: Some(id), term, worker, slots, born: now.steady, ending: false };
            self.executors.insert(executor, entry);
            let start = start.clone();
            self.act(Action::StartExecutor { worker, executor, slots, master, start });
        }
    }

    /// Ends the youngest processes of jobs that need fewer slots than they have.
    fn give_back(&mut self) {
        let mut surplus = Vec::new();
        for job in self.jobs.values() {
            let mut over = self.granted(job.id).saturating_sub(job.need);
            for (executor, entry) in self.executors_of(job.id).rev() {
                // A process has all of its slots or none.
                if entry.slots <= over {
                    over -= entry.slots;
                    surplus.push(executor);
                }
            }
        }
        self.end_these(&surplus);
    }

    fn take_back_for(&mut self, id: JobId, missing: u32, total: u32) {
        let ending = self.executors.values().filter(|executor| executor.ending);
        let coming: u32 = ending.map(|executor| executor.slots).sum();
        let mut lacking = missing.saturating_sub(self.slots_free() + coming);
        let mut taken = Vec::new();
        for (other, _) in self.waiting().rev() {
            let hopeless = self.jobs.get(&other).is_some_and(|job| job.least > total);
            if other == id || (other < id && !hopeless) {
                continue;
            }
            for (executor, entry) in self.executors_of(other) {
                if lacking == 0 {
                    break;
                }
                lacking = lacking.saturating_sub(entry.slots);
                taken.push(executor);
            }
        }
        if lacking == 0 {
            self.end_these(&taken);
        }
    }

    fn end_these(&mut self, these: &[ExecutorId]) {
        for id in these {
            if let Some(executor) = self.executors.get_mut(id).filter(|executor| !executor.ending) {
                executor.ending = true;
                self.actions.push(Action::EndExecutor { worker: executor.worker, executor: *id });
            }
        }
    }

    /// Notes who waits since when, and ends those that have for too long.
    fn note_waits(&mut self, now: Moment) {
        let waiting: BTreeMap<JobId, u32> = self.waiting().collect();
        let limit = self.limits.slots;
        let mut given_up = Vec::new();
        for job in self.jobs.values_mut() {
            if !waiting.contains_key(&job.id) {
                job.waits_since = None;
                continue;
            }
            let since = *job.waits_since.get_or_insert(now);
            if limit.is_some_and(|limit| now.steady.saturating_sub(since.steady) >= limit) {
                given_up.push(job.id);
            }
        }
        for id in given_up {
            let why = self.waits_for(id).unwrap_or_default();
            let seconds = limit.unwrap_or_default() / 1000;
            let failure = Some(format!("it waited {seconds} s for {why}"));
            self.doom(id, Outcome { state: End::Failed, at: now.wall, failure });
        }
    }

    /// What a job waits for, in words.
    pub(super) fn waits_for(&self, id: JobId) -> Option<String> {
        let job = self.jobs.get(&id)?;
        job.waits_since?;
        let (need, granted) = (job.least, self.granted(id));
        let (total, free) = (self.slots_in_all(), self.slots_free());
        let rest = if need > total {
            format!("start workers with {} more, or lower the program's parallelism", need - total)
        } else {
            "others have them; they are given in the order of submission".to_owned()
        };
        Some(format!(
            "{need} slots, of which it has {granted}; the cluster has {total}, {free} of them free: {rest}"
        ))
    }

    /// Tells masters what they have, where that changed; to one that waits also what is free.
    fn tell_slots(&mut self) {
        let free = self.slots_free();
        let mut news = Vec::new();
        for job in self.jobs.values() {
            if job.executors_join_at().is_none() || (job.need == 0 && job.told.is_some()) {
                continue;
            }
            let granted: Vec<Granted> = self
                .executors_of(job.id)
                .map(|(executor, entry)| Granted {
                    executor,
                    worker: self.workers.get(&entry.worker).map(|at| at.name.clone()).unwrap_or_default(),
                    slots: entry.slots,
                })
                .collect();
            let waits = job.waits_since.is_some();
            let known =
                job.told.as_ref().is_some_and(|(last, then)| *last == granted && (!waits || *then == free));
            if !known {
                news.push((job.id, granted));
            }
        }
        for (id, granted) in news {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            job.told = Some((granted.clone(), free));
            let what = ToMaster::Slots { granted, free };
            let term = job.term;
            self.act(Action::TellMaster { job: id, term, what });
        }
    }
}
