//! The order of stages and the tasks that are run again.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::channel;

use millstream_dataflow::lineage::{
    Blocks, Dataset, Dependency, Lineage, Pull, Shuffle, StorageLevel, TaskContext,
};
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use super::counters::add;
use super::engine::StageEngine;
use super::task::{ATTEMPTS, Work, attempt};

impl StageEngine {
    /// Runs an action: `action` over each of `partitions` of `dataset`; the results in the order of `partitions`.
    ///
    /// Called on the thread of the program, never inside a task.
    ///
    /// # Errors
    /// What a task said in the last of its attempts.
    pub fn run<T: Record, R: Send + 'static>(
        &self,
        dataset: &Arc<dyn Dataset<T>>,
        partitions: &[usize],
        action: impl Fn(Box<dyn Pull<T>>, &TaskContext) -> Result<R> + Send + Sync + 'static,
    ) -> Result<Vec<R>> {
        let lineage: Arc<dyn Lineage> = Arc::clone(dataset) as Arc<dyn Lineage>;
        let read = Arc::clone(dataset);
        let work: Work<R> = Arc::new(move |partition, task| action(read.read(partition, task)?, task));
        let results = self.tasks(&lineage, partitions, &work)?;
        for _ in &results {
            add(&self.stores.tally.result_tasks);
        }
        Ok(results)
    }

    /// Makes the shuffle blocks that a stage ending in `last` reads and that are not there.
    fn provide(&self, last: &Arc<dyn Lineage>) -> Result<()> {
        let (mut stack, mut seen) = (vec![Arc::clone(last)], HashSet::new());
        while let Some(node) = stack.pop() {
            if !seen.insert(node.id()) {
                continue;
            }
            let kept = node.storage() != StorageLevel::None;
            if kept && self.stores.cache.has_all(node.id(), node.partitions()) {
                continue;
            }
            node.prepare()?;
            for dependency in node.dependencies() {
                match dependency {
                    Dependency::Narrow(parent) => stack.push(Arc::clone(parent)),
                    Dependency::Shuffle(shuffle) => self.map_stage(shuffle)?,
                }
            }
        }
        Ok(())
    }

    fn map_stage(&self, shuffle: &Arc<dyn Shuffle>) -> Result<()> {
        let parent = shuffle.parent();
        let missing = self.stores.shuffles.missing(shuffle.id(), parent.partitions());
        if missing.is_empty() {
            return Ok(());
        }
        shuffle.prepare()?;
        let (shuffle, stores) = (Arc::clone(shuffle), Arc::clone(&self.stores));
        let work: Work<()> = Arc::new(move |partition, task| {
            let blocks = shuffle.write(partition, task)?;
            stores.shuffles.put(shuffle.id(), partition, blocks, &stores.tally)?;
            add(&stores.tally.map_tasks);
            Ok(())
        });
        self.tasks(&parent, &missing, &work)?;
        Ok(())
    }

    /// Runs `work` over partitions on the pool, each up to [`ATTEMPTS`] times.
    fn tasks<R: Send + 'static>(
        &self,
        of: &Arc<dyn Lineage>,
        partitions: &[usize],
        work: &Work<R>,
    ) -> Result<Vec<R>> {
        self.provide(of)?;
        let (done, results) = channel();
        let start = |at: usize, number: u32| {
            let (of, work, done) = (Arc::clone(of), Arc::clone(work), done.clone());
            let (partition, blocks) = (partitions[at], Arc::clone(&self.stores) as Arc<dyn Blocks>);
            self.pool.run(Box::new(move || {
                let result = attempt(&*of, partition, number, blocks, &work);
                // The driver may have given up already; then nobody waits for this result. What the task holds is let
                // go first, so that the driver finds nothing of it alive.
                drop((of, work));
                let _late = done.send((at, number, result));
            }))
        };
        for at in 0..partitions.len() {
            start(at, 1)?;
        }
        let mut found: Vec<Option<R>> = partitions.iter().map(|_| None).collect();
        let mut open = partitions.len();
        while open > 0 {
            let ended = results.recv().map_err(|_| Failure::internal("a task ended without a result"))?;
            match ended {
                (at, _, Ok(result)) => {
                    found[at] = Some(result);
                    open -= 1;
                }
                (at, number, Err(failure)) => {
                    add(&self.stores.tally.failed_attempts);
                    if number >= ATTEMPTS {
                        let partition = partitions[at];
                        return Err(failure.advice(format!(
                            "partition {partition} of rdd {} failed in all {ATTEMPTS} attempts; this is the last one",
                            of.id().0
                        )));
                    }
                    tracing::warn!(partition = partitions[at], attempt = number, %failure, "task failed, trying again");
                    // It may have failed because blocks were lost: those, and only those, are made again.
                    self.provide(of)?;
                    start(at, number + 1)?;
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}
