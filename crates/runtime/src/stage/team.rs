//! Who runs the tasks of stages: threads of this process (`here`), or the executors of a cluster (`there`).
//!
//! Answers for the one face that the scheduler sees of both. Not for the order of stages nor for what is tried again
//! (`scheduler`).
//! Holds: a task that was started is told of once, unless its stage is left before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::lineage::{DatasetId, Lineage, Properties, Shuffle, ShuffleId};
use millstream_model::error::{Failure, Result};

use super::CachedSize;
use super::action::{Action, Done, Outcome, Work};
use super::engine::Stores;
use crate::control::Attempt;

/// What the tasks of a stage leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The results of an action.
    Result,
    /// The blocks of a shuffle.
    Map(ShuffleId),
}

/// A stage of a job.
pub(super) struct Stage {
    /// The job's number.
    pub(super) job: u64,
    pub(super) part: Part,
    /// The data set that it ends with.
    pub(super) of: Arc<dyn Lineage>,
    pub(super) work: Work,
    pub(super) properties: Arc<Properties>,
}

impl Stage {
    /// The stage that gives an action its results.
    pub(super) fn of_action(job: u64, action: &Action) -> Self {
        Self {
            job,
            part: Part::Result,
            of: Arc::clone(&action.dataset),
            work: Arc::clone(&action.work),
            properties: Arc::clone(&action.properties),
        }
    }

    /// The stage that leaves the blocks of a shuffle, where `stores` are those of the process that runs its tasks.
    pub(super) fn of_shuffle(
        job: u64,
        shuffle: &Arc<dyn Shuffle>,
        properties: &Arc<Properties>,
        stores: &Arc<Stores>,
    ) -> Self {
        let (map, stores) = (Arc::clone(shuffle), Arc::clone(stores));
        let work: Work = Arc::new(move |partition, task| {
            let blocks = map.write(partition, task)?;
            // An attempt that nobody waits for leaves nothing that another one has left already.
            task.cancellation.check()?;
            stores.shuffles.put(map.id(), partition, blocks, &stores.tally)?;
            Ok(Outcome::Stored)
        });
        let (part, of) = (Part::Map(shuffle.id()), shuffle.parent());
        Self { job, part, of, work, properties: Arc::clone(properties) }
    }
}

/// What a map task left, and was not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LostBlock {
    pub(super) shuffle: ShuffleId,
    pub(super) map: usize,
    /// The number of the executor that it was asked of; `None` if nobody was known to have it.
    pub(super) of: Option<u64>,
}

/// What the scheduler hears.
pub(super) enum Event {
    /// The attempt of this number at the task at this place of the stage, and what became of it.
    Ended(usize, u32, Result<Done>),
    /// As that, for an attempt that came to nothing by no fault of its own: blocks were lost that it needed, or the process that it ran
    /// in.
    Again(usize, u32, Failure),
    /// The job cannot be run.
    Refused(Failure),
    /// It was told to stop.
    Cancelled,
}

/// Where the events of a stage go.
pub(super) type Tell = Arc<dyn Fn(Event) + Send + Sync>;

/// Runs tasks, and knows what they left.
pub(super) trait Team: Send + Sync {
    /// The map tasks, of `maps`, whose blocks nobody has.
    fn missing(&self, shuffle: ShuffleId, maps: usize) -> Vec<usize>;

    /// Whether all partitions are kept somewhere.
    fn has_all(&self, dataset: DatasetId, partitions: usize) -> bool;

    /// How much is kept, and where.
    fn cached_size(&self, dataset: DatasetId) -> CachedSize;

    /// Lets go of what a map task left.
    fn lose_shuffled(&self, shuffle: ShuffleId, map: usize);

    /// Lets go of a kept partition.
    fn lose_cached(&self, dataset: DatasetId, partition: usize);

    /// Lets go of a shuffle.
    fn forget_shuffle(&self, shuffle: ShuffleId);

    /// Lets go of all kept partitions of a data set.
    fn forget_cached(&self, dataset: DatasetId);

    /// Gets ready for the tasks of a stage.
    fn open(self: Arc<Self>, stage: Stage, tell: Tell) -> Arc<dyn Running>;
}

/// An attempt that runs.
pub(super) struct Begun {
    /// Its task's place in the stage.
    pub(super) at: usize,
    /// Its number.
    pub(super) attempt: u32,
    pub(super) since: Instant,
}

/// The tasks of a stage.
pub(super) trait Running: Send + Sync {
    /// Starts an attempt at the task at place `at` of the stage, which is that of `partition`.
    ///
    /// # Errors
    /// If no task can be started any more.
    fn start(&self, at: usize, partition: usize, attempt: Attempt) -> Result<()>;

    /// How many tasks run.
    fn active(&self) -> usize;

    /// The attempts that run.
    fn begun(&self) -> Vec<Begun>;

    /// As [`Running::start`], for a task of which an attempt runs already: now and where no other one runs, or not at all.
    ///
    /// # Errors
    /// As there.
    fn speculate(&self, at: usize, partition: usize, attempt: Attempt) -> Result<bool>;

    /// Tells an attempt to stop that nobody waits for any more. Nothing is told of it after this.
    fn abandon(&self, at: usize, attempt: u32);

    /// The result of a task that has ended well, where this process can use it.
    ///
    /// # Errors
    /// If it is lost; the task is to be run again.
    fn fetch(&self, at: usize, outcome: Outcome) -> Result<Outcome>;

    /// Looks whether tasks that wait can be started. Called about each second.
    fn look(&self);

    /// Stops the tasks and waits for them, so long at most; gives the partitions of those that do not stop, and what
    /// came of freeing their slots.
    fn leave(&self, at_most: Duration) -> (Vec<usize>, Result<()>);
}
