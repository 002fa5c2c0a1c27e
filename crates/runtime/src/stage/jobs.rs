//! The jobs that run, so that they can be told to stop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::{Cancellation, Properties};
use millstream_model::error::Result;

use super::progress::{JobProgress, Stages};

type Wake = Box<dyn Fn() + Send>;

/// One action that runs.
#[derive(Default)]
pub(super) struct Job {
    pub(super) cancellation: Cancellation,
    pub(super) properties: Arc<Properties>,
    /// Wakes the thread of the program, which may wait for tasks of a stage, at any depth of stages.
    wakes: Mutex<Vec<Wake>>,
    pub(super) stages: Stages,
}

impl Job {
    fn wakes(&self) -> MutexGuard<'_, Vec<Wake>> {
        self.wakes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self) {
        self.cancellation.cancel();
        self.wakes().iter().for_each(|wake| wake());
    }

    /// Calls `wake` when the job is told to stop, until what this gives is dropped.
    pub(super) fn on_cancel(&self, wake: impl Fn() + Send + 'static) -> Result<Waiting<'_>> {
        let mut wakes = self.wakes();
        wakes.push(Box::new(wake));
        drop(wakes);
        let waiting = Waiting(self);
        self.cancellation.check()?;
        Ok(waiting)
    }
}

/// A wait for the tasks of a stage.
pub(super) struct Waiting<'a>(&'a Job);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Stages wait one inside the other: the last to begin is the first to end.
        self.0.wakes().pop();
    }
}

/// All jobs of an engine.
#[derive(Default)]
pub(super) struct Jobs {
    running: Mutex<(u64, HashMap<u64, Arc<Job>>)>,
}

/// A job, as long as it runs.
pub(super) struct Running<'a> {
    jobs: &'a Jobs,
    number: u64,
    pub(super) job: Arc<Job>,
}

impl Jobs {
    fn running(&self) -> MutexGuard<'_, (u64, HashMap<u64, Arc<Job>>)> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, properties: Arc<Properties>) -> Running<'_> {
        let mut running = self.running();
        running.0 += 1;
        let (number, job) = (running.0, Arc::new(Job { properties, ..Job::default() }));
        running.1.insert(number, Arc::clone(&job));
        Running { jobs: self, number, job }
    }

    /// The stages of each job that runs, the oldest job first.
    pub(super) fn progress(&self) -> Vec<JobProgress> {
        let mut jobs: Vec<_> =
            self.running().1.iter().map(|(&number, job)| (number, Arc::clone(job))).collect();
        jobs.sort_by_key(|&(number, _)| number);
        jobs.into_iter().map(|(_, job)| job.stages.progress()).collect()
    }

    /// Cancels those whose properties are `wanted`.
    pub(super) fn cancel(&self, wanted: impl Fn(&Properties) -> bool) -> usize {
        let mut jobs: Vec<_> = self.running().1.values().cloned().collect();
        jobs.retain(|job| wanted(&job.properties));
        jobs.iter().for_each(|job| job.cancel());
        jobs.len()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.jobs.running().1.remove(&self.number);
    }
}
