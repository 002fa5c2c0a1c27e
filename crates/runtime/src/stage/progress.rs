//! How far the jobs that run have come.
//!
//! Answers for counting the tasks of the stages that a job waits for, one inside the other. Not for what has ended
//! (`counters`).
//! Holds: a stage is listed from before its first task begins until the job does not wait for it any more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::{DatasetId, Lineage};

use super::team::Running;

/// A stage that a job waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageProgress {
    /// The data set that the stage ends with.
    pub dataset: DatasetId,
    /// Its name.
    pub name: String,
    /// How many tasks there are.
    pub tasks: usize,
    /// How many run now.
    pub active: usize,
    /// How many have ended well.
    pub done: usize,
    /// How many attempts have failed.
    pub failed: usize,
}

/// The stages that a job waits for: the last is the one whose tasks run, each before it waits for the next.
pub(super) type JobProgress = Vec<StageProgress>;

/// One stage, while it runs.
pub(super) struct Counted {
    dataset: DatasetId,
    name: String,
    tasks: usize,
    pub(super) done: AtomicUsize,
    pub(super) failed: AtomicUsize,
    running: Arc<dyn Running>,
}

/// The stages of one job.
#[derive(Default)]
pub(super) struct Stages(Mutex<Vec<Arc<Counted>>>);

/// A stage, as long as its job waits for it.
pub(super) struct Listed<'a> {
    stages: &'a Stages,
    pub(super) counted: Arc<Counted>,
}

impl Stages {
    fn open(&self) -> MutexGuard<'_, Vec<Arc<Counted>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, of: &dyn Lineage, tasks: usize, running: &Arc<dyn Running>) -> Listed<'_> {
        let counted = Arc::new(Counted {
            dataset: of.id(),
            name: of.name().to_owned(),
            tasks,
            done: AtomicUsize::default(),
            failed: AtomicUsize::default(),
            running: Arc::clone(running),
        });
        self.open().push(Arc::clone(&counted));
        Listed { stages: self, counted }
    }

    pub(super) fn progress(&self) -> JobProgress {
        self.open().iter().map(|stage| stage.progress()).collect()
    }
}

impl Counted {
    fn progress(&self) -> StageProgress {
        StageProgress {
            dataset: self.dataset,
            name: self.name.clone(),
            tasks: self.tasks,
            active: self.running.active(),
            done: self.done.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.stages.open().retain(|other| !Arc::ptr_eq(other, &self.counted));
    }
}
