//! Where tasks run: in this interpreter, or in workers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::{Blocks, DatasetId, Fetched, ShuffleId};
use millstream_model::error::Failure;
use pyo3::prelude::*;

use super::lineage::Encoded;
use crate::calls;
use crate::host::{Host, Hosting};
use crate::plan::{BlockRef, Task};
use crate::task::{self, Outcome};
use crate::worker::Workers;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Place {
    /// In the threads of this process, which share one interpreter.
    Here,
    Workers(Workers),
}

/// Runs tasks, and has what all of them may ask for.
pub(crate) struct Executor {
    place: Place,
    broadcasts: Mutex<HashMap<u64, Arc<Vec<u8>>>>,
    cancelling: AtomicBool,
    /// The threads of this process that run tasks, as Python numbers them.
    threads: Mutex<Vec<u64>>,
}

impl Executor {
    pub(super) fn here() -> Self {
        Self::at(Place::Here)
    }

    pub(super) fn workers(workers: Workers) -> Self {
        Self::at(Place::Workers(workers))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            broadcasts: Mutex::default(),
            cancelling: AtomicBool::new(false),
            threads: Mutex::default(),
        }
    }

    pub(super) fn change_setup(&self, setup: Vec<u8>) {
        if let Place::Workers(workers) = &self.place {
            workers.change_setup(setup);
        }
    }

    /// Keeps the value of a broadcast variable; `None` lets it go.
    pub(super) fn broadcast(&self, number: u64, value: Option<Vec<u8>>) {
        let mut broadcasts = locked(&self.broadcasts);
        match value {
            Some(value) => broadcasts.insert(number, Arc::new(value)),
            None => broadcasts.remove(&number),
        };
    }

    /// Ends the workers. From now on no task is begun.
    pub(super) fn stop(&self) {
        self.cancel();
        if let Place::Workers(workers) = &self.place {
            workers.stop();
        }
        locked(&self.broadcasts).clear();
    }

    /// While tasks are cancelled none is begun, and those that run are interrupted each time this is called.
    pub(super) fn cancel(&self) {
        self.cancelling.store(true, Ordering::SeqCst);
        match &self.place {
            Place::Here => {
                let threads = locked(&self.threads).clone();
                Python::attach(|py| threads.iter().for_each(|&thread| calls::interrupt(py, thread)));
            }
            Place::Workers(workers) => workers.interrupt(),
        }
    }

    /// Tasks may run again.
    pub(super) fn end_cancel(&self) {
        self.cancelling.store(false, Ordering::SeqCst);
    }

    /// Runs a task and applies what it added to accumulators.
    pub(super) fn run(
        self: &Arc<Self>,
        task: Task,
        attachments: Vec<Arc<Vec<u8>>>,
        blocks: &Arc<dyn Blocks>,
    ) -> Result<Vec<Arc<Vec<u8>>>, Failure> {
        if self.cancelling.load(Ordering::SeqCst) {
            return Err(Failure::cancelled());
        }
        let served = Served { executor: Arc::clone(self), blocks: Arc::clone(blocks) };
        let outcome = match &self.place {
            Place::Workers(workers) => workers.run(&task, attachments, &served)?,
            Place::Here => self.run_here(task, &attachments, served)?,
        };
        if !outcome.updates.is_empty() {
            Python::attach(|py| {
                let hooks = py.import("millstream._task")?;
                hooks.call_method1("apply_updates", (&outcome.updates[..],)).map(drop)
            })
            .map_err(|error: PyErr| Failure::user("an accumulator cannot be added to").because(error))?;
        }
        Ok(outcome.blocks)
    }

    fn run_here(&self, task: Task, attachments: &[Arc<Vec<u8>>], served: Served) -> Result<Outcome, Failure> {
        let thread = Python::attach(|py| py.import("threading")?.call_method0("get_ident")?.extract::<u64>())
            .map_err(|error| Failure::internal("a thread has no number").because(error))?;
        locked(&self.threads).push(thread);
        let result = task::run(task, attachments, &Host::new(Arc::new(served)));
        locked(&self.threads).retain(|&other| other != thread);
        result.map_err(|fault| Failure::user("a function raised an exception").because(fault))
    }
}

/// What one task may ask for.
struct Served {
    executor: Arc<Executor>,
    blocks: Arc<dyn Blocks>,
}

impl Hosting for Served {
    fn fetch(&self, block: BlockRef) -> Result<Arc<Vec<u8>>, Failure> {
        let lost = || Failure::external(format!("{block:?} is lost"));
        match block {
            BlockRef::Shuffled { shuffle, map, reducer } => {
                match self.blocks.shuffled(ShuffleId(shuffle), map as usize, reducer as usize)? {
                    Fetched::Memory(block) => Encoded::of(block.as_any()),
                    Fetched::Encoded(bytes) => Ok(Arc::new(bytes)),
                }
            }
            BlockRef::Cached { dataset, partition } => {
                let kept = self.blocks.cached(DatasetId(dataset), partition as usize).ok_or_else(lost)?;
                Encoded::of(kept)
            }
            BlockRef::Broadcast(number) => {
                locked(&self.executor.broadcasts).get(&number).cloned().ok_or_else(|| {
                    Failure::user(format!("broadcast variable {number} was destroyed"))
                        .advice("a destroyed variable cannot be used again; unpersist keeps it usable")
                })
            }
        }
    }

    fn keep(&self, (dataset, partition): (u64, u64), block: Vec<u8>) -> Result<(), Failure> {
        self.blocks.keep(DatasetId(dataset), partition as usize, Arc::new(Encoded::from(Arc::new(block))));
        Ok(())
    }
}
