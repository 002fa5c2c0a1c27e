//! The order of stages and the tasks that are run again.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};

use millstream_dataflow::lineage::{
    Blocks, Dataset, Dependency, Lineage, Properties, Pull, Shuffle, ShuffleId, StorageLevel, TaskContext,
};
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use super::claims::Claims;
use super::counters::add;
use super::engine::StageEngine;
use super::gate::Gate;
use super::jobs::Job;
use super::progress::Counted;
use super::task::{ATTEMPTS, Work, attempt};

/// What the thread of the program waits for.
enum Event<R> {
    /// An attempt at the task at this place of the stage, and what became of it.
    Ended(usize, u32, Result<R>),
    Cancelled,
}

/// The tasks of one stage.
struct Tasks<'a, R> {
    of: &'a Arc<dyn Lineage>,
    partitions: &'a [usize],
    work: &'a Work<R>,
    properties: &'a Arc<Properties>,
    gate: Arc<Gate>,
    done: Sender<Event<R>>,
    counted: Arc<Counted>,
}

/// Lets another job make the blocks of a shuffle, should this one not have.
struct Claimed<'a>(&'a Claims<ShuffleId>, ShuffleId);

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        self.0.release(self.1);
    }
}

/// Whether there is no other attempt behind this one.
fn is_last(failure: &Failure, attempt: u32) -> bool {
    attempt >= ATTEMPTS || !failure.may_retry()
}

impl StageEngine {
    /// Runs an action: `action` over each of `partitions` of `dataset`; the results in the order of `partitions`.
    ///
    /// # Errors
    /// What a task said in its last attempt: the fourth, or one whose failure would only come again; that the job was
    /// told to stop; or that it was called inside a task, which must not wait for another one.
    pub fn run<T: Record, R: Send + 'static>(
        &self,
        dataset: &Arc<dyn Dataset<T>>,
        partitions: &[usize],
        action: impl Fn(Box<dyn Pull<T>>, &TaskContext) -> Result<R> + Send + Sync + 'static,
    ) -> Result<Vec<R>> {
        self.run_with(Arc::default(), dataset, partitions, action)
    }

    /// As [`StageEngine::run`], as a job of which the program says something.
    ///
    /// # Errors
    /// As there.
    pub fn run_with<T: Record, R: Send + 'static>(
        &self,
        properties: Arc<Properties>,
        dataset: &Arc<dyn Dataset<T>>,
        partitions: &[usize],
        action: impl Fn(Box<dyn Pull<T>>, &TaskContext) -> Result<R> + Send + Sync + 'static,
    ) -> Result<Vec<R>> {
        if self.pool.is_inside() {
            let (name, id) = (dataset.name(), dataset.id().0);
            return Err(Failure::user(format!("an action on `{name}` (rdd {id}) was called inside a task"))
                .advice(
                    "call actions and make rdds in the program itself; give tasks the collected result",
                ));
        }
        let running = self.jobs.begin(properties);
        let lineage: Arc<dyn Lineage> = Arc::clone(dataset) as Arc<dyn Lineage>;
        let read = Arc::clone(dataset);
        let work: Work<R> = Arc::new(move |partition, task| action(read.read(partition, task)?, task));
        let results = self.stage(&running.job, &lineage, partitions, &work)?;
        for _ in &results {
            add(&self.stores.tally.result_tasks);
        }
        Ok(results)
    }

    /// Makes the shuffle blocks that a stage ending in `last` reads and that are not there.
    fn provide(&self, job: &Job, last: &Arc<dyn Lineage>) -> Result<()> {
        let (mut stack, mut seen) = (vec![Arc::clone(last)], HashSet::new());
        while let Some(node) = stack.pop() {
            if !seen.insert(node.id()) {
                continue;
            }
            let is_kept = node.storage() != StorageLevel::None;
            if is_kept && self.stores.cache.has_all(node.id(), node.partitions()) {
                continue;
            }
            node.prepare()?;
            for dependency in node.dependencies() {
                match dependency {
                    Dependency::Narrow(parent) => stack.push(Arc::clone(parent)),
                    Dependency::Shuffle(shuffle) => self.map_stage(job, shuffle)?,
                }
            }
        }
        Ok(())
    }

    fn map_stage(&self, job: &Job, shuffle: &Arc<dyn Shuffle>) -> Result<()> {
        let (id, parent) = (shuffle.id(), shuffle.parent());
        self.shuffling.claim(id, &job.cancellation)?;
        let _claimed = Claimed(&self.shuffling, id);
        let missing = self.stores.shuffles.missing(id, parent.partitions());
        if missing.is_empty() {
            add(&self.stores.tally.skipped_stages);
            return Ok(());
        }
        let (shuffle, stores) = (Arc::clone(shuffle), Arc::clone(&self.stores));
        let work: Work<()> = Arc::new(move |partition, task| {
            let blocks = shuffle.write(partition, task)?;
            stores.shuffles.put(shuffle.id(), partition, blocks, &stores.tally)?;
            add(&stores.tally.map_tasks);
            Ok(())
        });
        self.stage(job, &parent, &missing, &work)?;
        Ok(())
    }

    /// Runs `work` over partitions on the pool, each up to [`ATTEMPTS`] times. When it gives up, its other tasks have
    /// stopped, or are named in the failure.
    fn stage<R: Send + 'static>(
        &self,
        job: &Job,
        of: &Arc<dyn Lineage>,
        partitions: &[usize],
        work: &Work<R>,
    ) -> Result<Vec<R>> {
        let gate = Arc::default();
        let listed = job.stages.begin(&**of, partitions.len(), &gate);
        self.provide(job, of)?;
        let (done, events) = channel();
        let wake = done.clone();
        let _waiting = job.on_cancel(move || {
            let _gone = wake.send(Event::Cancelled);
        })?;
        let (properties, counted) = (&job.properties, Arc::clone(&listed.counted));
        let tasks = Tasks { of, partitions, work, properties, gate, done, counted };
        self.wait_for(job, &tasks, &events).map_err(|failure| {
            tasks.gate.shut();
            let stuck = tasks.gate.wait_until_left(self.cancel_timeout);
            if stuck.is_empty() {
                return failure;
            }
            let (partitions, threads): (Vec<_>, Vec<_>) = stuck.into_iter().unzip();
            match self.pool.replace(&threads) {
                Ok(()) => failure.advice(self.left_behind(of, &partitions)),
                Err(fewer) => failure.advice(fewer.to_string()),
            }
        })
    }

    /// What is said of tasks that do not stop.
    fn left_behind(&self, of: &Arc<dyn Lineage>, partitions: &[usize]) -> String {
        let partitions: Vec<String> = partitions.iter().map(usize::to_string).collect();
        format!(
            "tasks of {} (rdd {}) did not stop within {:?} and are left to themselves, others have their slots: partition {}",
            of.name(),
            of.id().0,
            self.cancel_timeout,
            partitions.join(", ")
        )
    }

    fn wait_for<R: Send + 'static>(
        &self,
        job: &Job,
        tasks: &Tasks<'_, R>,
        events: &Receiver<Event<R>>,
    ) -> Result<Vec<R>> {
        for at in 0..tasks.partitions.len() {
            self.start(tasks, at, 1)?;
        }
        let mut found: Vec<Option<R>> = tasks.partitions.iter().map(|_| None).collect();
        let mut open = found.len();
        while open > 0 {
            match events.recv().map_err(|_| Failure::internal("a task ended without a result"))? {
                Event::Cancelled => return Err(Failure::cancelled()),
                Event::Ended(at, _, Ok(result)) => {
                    found[at] = Some(result);
                    open -= 1;
                    tasks.counted.done.fetch_add(1, Ordering::Relaxed);
                }
                Event::Ended(at, number, Err(failure)) => {
                    add(&self.stores.tally.failed_attempts);
                    tasks.counted.failed.fetch_add(1, Ordering::Relaxed);
                    let partition = tasks.partitions[at];
                    let place = format!("partition {partition} of rdd {}", tasks.of.id().0);
                    if is_last(&failure, number) {
                        return Err(failure.advice(if number >= ATTEMPTS {
                            format!("{place} failed in all {ATTEMPTS} attempts; this is the last one")
                        } else {
                            format!("{place} failed in attempt {number}; another would fail in the same way")
                        }));
                    }
                    tracing::warn!(partition, attempt = number, %failure, "task failed, trying again");
                    // It may have failed because blocks were lost: those, and only those, are made again.
                    self.provide(job, tasks.of)?;
                    self.start(tasks, at, number + 1)?;
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn start<R: Send + 'static>(&self, tasks: &Tasks<'_, R>, at: usize, number: u32) -> Result<()> {
        let (of, work) = (Arc::clone(tasks.of), Arc::clone(tasks.work));
        let (gate, done) = (Arc::clone(&tasks.gate), tasks.done.clone());
        let (partition, blocks) = (tasks.partitions[at], Arc::clone(&self.stores) as Arc<dyn Blocks>);
        let properties = Arc::clone(tasks.properties);
        self.pool.run(Box::new(move || {
            let Some(inside) = gate.enter(partition) else { return };
            let cancellation = gate.cancellation.clone();
            let task = TaskContext { partition, attempt: number, blocks, cancellation, properties };
            let result = attempt(&*of, &task, &work);
            match &result {
                // The stage is lost: no task of it may begin before the program's thread has heard of it.
                Err(failure) if is_last(failure, number) && !gate.cancellation.is_cancelled() => gate.shut(),
                // It was told to stop, by what the program's thread hears of anyway.
                Err(failure) if failure.is_cancelled() && gate.cancellation.is_cancelled() => return,
                _ => {}
            }
            // What the task holds is let go first, so that the driver finds nothing of it alive.
            drop((of, work, task));
            drop(inside);
            let _late = done.send(Event::Ended(at, number, result));
        }))
    }
}
