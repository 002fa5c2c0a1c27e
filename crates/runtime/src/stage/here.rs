//! Tasks on threads of this process.
//!
//! Holds: what a task holds is let go before its end is told.

use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::lineage::{Blocks, DatasetId, ShuffleId, TaskContext};
use millstream_model::error::Result;

use super::CachedSize;
use super::accumulator::collecting;
use super::action::{Done, Outcome};
use super::engine::Stores;
use super::gate::Gate;
use super::pool::Pool;
use super::task::{attempt, is_last};
use super::team::{Begun, Event, Running, Stage, Team, Tell};
use crate::control::Attempt;

/// The task slots of this process and what its tasks left.
pub(super) struct Here {
    pool: Arc<Pool>,
    stores: Arc<Stores>,
}

impl Here {
    pub(super) fn new(pool: Arc<Pool>, stores: Arc<Stores>) -> Self {
        Self { pool, stores }
    }
}

impl Team for Here {
    fn missing(&self, shuffle: ShuffleId, maps: usize) -> Vec<usize> {
        self.stores.shuffles.missing(shuffle, maps)
    }

    fn has_all(&self, dataset: DatasetId, partitions: usize) -> bool {
        self.stores.cache.has_all(dataset, partitions)
    }

    fn cached_size(&self, dataset: DatasetId) -> CachedSize {
        self.stores.cache.size(dataset)
    }

    fn lose_shuffled(&self, shuffle: ShuffleId, map: usize) {
        self.stores.shuffles.remove(shuffle, map);
    }

    fn lose_cached(&self, dataset: DatasetId, partition: usize) {
        self.stores.cache.remove(dataset, partition);
    }

    fn forget_shuffle(&self, shuffle: ShuffleId) {
        self.stores.shuffles.remove_all(shuffle);
    }

    fn forget_cached(&self, dataset: DatasetId) {
        self.stores.cache.remove_all(dataset);
    }

    fn open(self: Arc<Self>, stage: Stage, tell: Tell) -> Arc<dyn Running> {
        let (pool, stores) = (Arc::clone(&self.pool), Arc::clone(&self.stores));
        Arc::new(Tasks { pool, stores, stage: Arc::new(stage), gate: Arc::default(), tell })
    }
}

/// The tasks of one stage.
struct Tasks {
    pool: Arc<Pool>,
    stores: Arc<Stores>,
    stage: Arc<Stage>,
    gate: Arc<Gate>,
    tell: Tell,
}

impl Running for Tasks {
    fn start(&self, at: usize, partition: usize, number: Attempt) -> Result<()> {
        let (stage, gate, tell) = (Arc::clone(&self.stage), Arc::clone(&self.gate), Arc::clone(&self.tell));
        let blocks = Arc::clone(&self.stores) as Arc<dyn Blocks>;
        self.pool.run(Box::new(move || {
            let Some(inside) = gate.enter((at, number.number), partition) else { return };
            let (stop, properties) = (inside.cancellation.clone(), Arc::clone(&stage.properties));
            let (since, cancellation) = (inside.since, stop.clone());
            let task = TaskContext { partition, attempt: number.number, blocks, cancellation, properties };
            let (result, added) = collecting(|| attempt(&*stage.of, &task, &stage.work));
            match &result {
                // The stage is lost: no task of it may begin before the program's thread has heard of it.
                Err(failure) if is_last(failure, number.counted) && !stop.is_cancelled() => gate.shut(),
                // It was told to stop, by what the program's thread hears of anyway.
                Err(failure) if failure.is_cancelled() && stop.is_cancelled() => return,
                _ => {}
            }
            // What the task holds is let go first, so that the driver finds nothing of it alive.
            drop((stage, task));
            drop(inside);
            tell(Event::Ended(
                at,
                number.number,
                result.map(|outcome| Done { outcome, added, took: since.elapsed() }),
            ));
        }))
    }

    fn active(&self) -> usize {
        self.gate.inside()
    }

    fn begun(&self) -> Vec<Begun> {
        let running = self.gate.running().into_iter();
        running.map(|((at, attempt), since)| Begun { at, attempt, since }).collect()
    }

    fn speculate(&self, at: usize, partition: usize, attempt: Attempt) -> Result<bool> {
        let is_free = self.gate.inside() < self.pool.slots();
        if is_free {
            self.start(at, partition, attempt)?;
        }
        Ok(is_free)
    }

    fn abandon(&self, at: usize, attempt: u32) {
        // A thread takes over its slot: what takes too long may not listen either.
        if let Some(thread) = self.gate.abandon((at, attempt))
            && let Err(fewer) = self.pool.replace(&[thread])
        {
            tracing::warn!(%fewer, "there are fewer task slots now");
        }
    }

    fn fetch(&self, _: usize, outcome: Outcome) -> Result<Outcome> {
        Ok(outcome)
    }

    fn look(&self) {}

    fn leave(&self, at_most: Duration) -> (Vec<usize>, Result<()>) {
        self.gate.shut();
        let stuck = self.gate.wait_until_left(at_most);
        let (partitions, threads): (Vec<_>, Vec<_>) = stuck.into_iter().unzip();
        let replaced = if threads.is_empty() { Ok(()) } else { self.pool.replace(&threads) };
        (partitions, replaced)
    }
}
