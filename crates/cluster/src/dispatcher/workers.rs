//! Workers and executors that come and go.
//!
//! Holds: an executor's slots are taken from the order to start it until its worker has seen its end, or is lost.

use millstream_runtime::control::{ExecutorId, ToMaster};

use super::Dispatcher;
use super::event::{Action, JobId, Moment, WorkerId};

/// A worker that is connected.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) name: String,
    pub(super) slots: u32,
    pub(super) since: i64,
}

/// A process that a worker was told to start.
#[derive(Debug)]
pub(super) struct Executor {
    /// Whose it is; nobody's if it is of a time before.
    pub(super) job: Option<JobId>,
    /// The master that it belongs to.
    pub(super) term: u64,
    pub(super) worker: WorkerId,
    pub(super) slots: u32,
    pub(super) born: u64,
    /// Whether it was told to end.
    pub(super) ending: bool,
}

impl Dispatcher {
    /// What still runs there belongs to masters that are gone with the connection they were told of.
    pub(super) fn worker_joined(
        &mut self,
        now: Moment,
        worker: WorkerId,
        name: String,
        slots: u32,
        running: Vec<(ExecutorId, u32)>,
    ) {
        self.workers.entry(worker).or_insert(Worker { name, slots, since: now.wall });
        for (executor, slots) in running {
            // They have their slots until their end was seen.
            let entry = Executor { job: None, term: 0, worker, slots, born: now.steady, ending: true };
            self.executors.insert(executor, entry);
            self.act(Action::EndExecutor { worker, executor });
        }
    }

    pub(super) fn worker_lost(&mut self, now: Moment, worker: WorkerId, why: &str) {
        let Some(gone) = self.workers.remove(&worker) else { return };
        let there = self.executors.iter().filter(|(_, executor)| executor.worker == worker);
        let there: Vec<ExecutorId> = there.map(|(id, _)| *id).collect();
        for executor in there {
            self.gone(now, executor, &format!("{} is lost: {why}", gone.name), false);
        }
    }

    pub(super) fn executor_exited(&mut self, now: Moment, worker: WorkerId, executor: ExecutorId, why: &str) {
        if self.executors.get(&executor).is_some_and(|known| known.worker == worker) {
            self.gone(now, executor, why, true);
        }
    }

    /// Has these ended, unless they were told already.
    pub(super) fn end_executors(&mut self, which: impl Fn(&Executor) -> bool) {
        for (id, executor) in &mut self.executors {
            if !executor.ending && which(executor) {
                executor.ending = true;
                self.actions.push(Action::EndExecutor { worker: executor.worker, executor: *id });
            }
        }
    }

    fn gone(&mut self, now: Moment, id: ExecutorId, why: &str, by_itself: bool) {
        let Some(executor) = self.executors.remove(&id) else { return };
        let Some(id_of_job) = executor.job else { return };
        let Some(job) = self.jobs.get_mut(&id_of_job).filter(|job| job.term == executor.term) else { return };
        if by_itself && !executor.ending {
            let limits = self.limits;
            let lived = now.steady.saturating_sub(executor.born);
            job.executor_crashes.note(now.wall, format!("{id}: {why}"), lived, limits.calm);
            let pause = job.executor_crashes.pause(limits.first_pause, limits.longest_pause);
            job.executors_not_before = now.steady.saturating_add(pause);
        }
        if job.executors_join_at().is_some() {
            let what = ToMaster::Gone { executor: id, why: why.to_owned() };
            let (job, term) = (id_of_job, executor.term);
            self.act(Action::TellMaster { job, term, what });
        }
    }
}
