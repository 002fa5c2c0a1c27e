//! Where tasks run: in this interpreter, or in workers.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use millstream_dataflow::lineage::{
    Blocks, DatasetId, FRAME, Frames, Properties, ShuffleId, StorageLevel, Stored, TaskContext,
};
use millstream_model::error::Failure;
use millstream_runtime::stage::Lender;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::lineage::Encoded;
use super::serve::lay;
use super::shelf::{BLOBS, BROADCASTS, FILES};
use super::shipped::Files;
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
    /// On a cluster, in other processes: none runs here.
    There,
}

/// What an executor of a cluster has besides.
#[derive(Default)]
struct Afar {
    lender: OnceLock<Lender>,
    /// Where files of the program are laid out.
    folder: PathBuf,
    /// What was lent, as long as it may be asked for again.
    blobs: Mutex<HashMap<u64, Arc<Vec<u8>>>>,
    /// The files that tasks are to find.
    wanted: Mutex<Files>,
    /// Those that are there.
    laid: Mutex<Files>,
}

/// Runs tasks, and has what all of them may ask for.
pub(crate) struct Executor {
    place: Place,
    broadcasts: Mutex<HashMap<u64, Arc<Vec<u8>>>>,
    /// The threads of this process that run tasks, as Python numbers them, and what was said of their jobs.
    threads: Mutex<Vec<(u64, Arc<Properties>)>>,
    afar: Option<Afar>,
}

impl Executor {
    pub(super) fn here() -> Self {
        Self::at(Place::Here)
    }

    pub(super) fn workers(workers: Workers) -> Self {
        Self::at(Place::Workers(workers))
    }

    fn at(place: Place) -> Self {
        Self { place, broadcasts: Mutex::default(), threads: Mutex::default(), afar: None }
    }

    /// None of its own: tasks run elsewhere.
    pub(super) fn there() -> Self {
        Self::at(Place::There)
    }

    /// In a process of a cluster that lays out files of the program in a folder.
    pub(super) fn for_a_cluster(self, folder: PathBuf) -> Self {
        Self { afar: Some(Afar { folder, ..Afar::default() }), ..self }
    }

    /// From now on the driver is reached so.
    pub(super) fn serve(&self, lender: Lender) {
        if let Some(afar) = &self.afar {
            let _known = afar.lender.set(lender);
        }
    }

    /// What tasks that are ordered from now on are to find, and what nobody asks for any more.
    pub(super) fn want(&self, files: Files, dropped: &[u64]) {
        if let Some(afar) = &self.afar {
            *locked(&afar.wanted) = files;
            let mut blobs = locked(&afar.blobs);
            dropped.iter().for_each(|number| drop(blobs.remove(number)));
        }
    }

    fn lent(&self, shelf: u32, number: u64) -> Result<Option<Vec<u8>>, Failure> {
        let lender = self.afar.as_ref().and_then(|afar| afar.lender.get());
        lender.map_or(Ok(None), |lender| lender.fetch(shelf, number))
    }

    /// A function or block that the driver lends.
    pub(super) fn blob(&self, number: u64) -> Result<Arc<Vec<u8>>, Failure> {
        let known = self.afar.as_ref().and_then(|afar| locked(&afar.blobs).get(&number).cloned());
        if let Some(known) = known {
            return Ok(known);
        }
        let lost = || Failure::external("the driver has let go of what a task needs");
        let bytes = Arc::new(self.lent(BLOBS, number)?.ok_or_else(lost)?);
        if let Some(afar) = &self.afar {
            locked(&afar.blobs).insert(number, Arc::clone(&bytes));
        }
        Ok(bytes)
    }

    /// The value of a broadcast variable, if it is here.
    pub(super) fn broadcast_value(&self, number: u64) -> Option<Arc<Vec<u8>>> {
        locked(&self.broadcasts).get(&number).cloned()
    }

    /// Has the workers find the files of the program.
    fn lay_files(&self) -> Result<(), Failure> {
        let (Some(afar), Place::Workers(workers)) = (&self.afar, &self.place) else { return Ok(()) };
        let wanted = locked(&afar.wanted).clone();
        // Others wait meanwhile: their tasks may need the same files.
        let mut laid = locked(&afar.laid);
        if *laid == wanted {
            return Ok(());
        }
        for (number, name) in wanted.names.iter().filter(|file| !laid.names.contains(file)) {
            let lost = || Failure::user(format!("the file {name} that was added is not there any more"));
            lay(&afar.folder, name, &self.lent(FILES, *number)?.ok_or_else(lost)?)?;
        }
        let places = wanted.modules.iter().map(|place| match place.as_str() {
            "" => afar.folder.clone().into_os_string(),
            file => afar.folder.join(file).into_os_string(),
        });
        let places: Vec<OsString> = places.collect();
        let setup = Python::attach(|py| {
            let told = py.import("millstream._worker")?.getattr("told")?;
            told.call1((PyTuple::new(py, places)?, afar.folder.as_os_str()))?.extract::<Vec<u8>>()
        });
        workers.change_setup(
            setup.map_err(|error| Failure::internal("workers cannot be told of files").because(error))?,
        );
        *laid = wanted;
        Ok(())
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

    /// Ends the workers that are idle.
    pub(super) fn stop(&self) {
        self.interrupt(|_| true);
        if let Place::Workers(workers) = &self.place {
            workers.stop();
        }
        locked(&self.broadcasts).clear();
    }

    /// Interrupts the tasks of the `wanted` jobs that run in this interpreter. (A worker's is ended when its job is told to stop.)
    pub(super) fn interrupt(&self, wanted: impl Fn(&Properties) -> bool) {
        let mut threads = locked(&self.threads).clone();
        threads.retain(|(_, properties)| wanted(properties));
        if !threads.is_empty() {
            Python::attach(|py| threads.iter().for_each(|(thread, _)| calls::interrupt(py, *thread)));
        }
    }

    /// Runs a task and applies what it added to accumulators.
    pub(super) fn run(
        self: &Arc<Self>,
        task: Task,
        attachments: Vec<Arc<Vec<u8>>>,
        context: &TaskContext,
        levels: Vec<(DatasetId, StorageLevel)>,
    ) -> Result<Vec<Arc<Vec<u8>>>, Failure> {
        context.cancellation.check()?;
        self.lay_files()?;
        let (stage, partition) = (task.stage, context.partition);
        let served = Served { executor: Arc::clone(self), blocks: Arc::clone(&context.blocks), levels };
        let outcome = match &self.place {
            Place::Workers(workers) => workers.run(&task, attachments, &served, &context.cancellation)?,
            Place::Here => self.run_here(task, &attachments, served, &context.properties)?,
            Place::There => return Err(Failure::internal("a task was to be run by a driver of a cluster")),
        };
        if outcome.updates.is_empty() {
            return Ok(outcome.blocks);
        }
        if let Some(lender) = self.afar.as_ref().and_then(|afar| afar.lender.get()) {
            lender.tell(stage, partition, context.attempt, outcome.updates)?;
        } else {
            Python::attach(|py| {
                let hooks = py.import("millstream._task")?;
                hooks.call_method1("apply_updates", (&outcome.updates[..],)).map(drop)
            })
            .map_err(not_added)?;
        }
        Ok(outcome.blocks)
    }

    fn run_here(
        &self,
        task: Task,
        attachments: &[Arc<Vec<u8>>],
        served: Served,
        properties: &Arc<Properties>,
    ) -> Result<Outcome, Failure> {
        let thread = Python::attach(|py| py.import("threading")?.call_method0("get_ident")?.extract::<u64>())
            .map_err(|error| Failure::internal("a thread has no number").because(error))?;
        locked(&self.threads).push((thread, Arc::clone(properties)));
        let result = task::run(task, attachments, &Host::new(Arc::new(served)));
        locked(&self.threads).retain(|(other, _)| *other != thread);
        result.map_err(Failure::from)
    }
}

/// What is said where a sum cannot be made.
pub(super) fn not_added(error: PyErr) -> Failure {
    Failure::user("an accumulator cannot be added to").because(error)
}

/// What one task may ask for.
struct Served {
    executor: Arc<Executor>,
    blocks: Arc<dyn Blocks>,
    levels: Vec<(DatasetId, StorageLevel)>,
}

impl Hosting for Served {
    fn fetch(&self, block: BlockRef) -> Result<Arc<Vec<u8>>, Failure> {
        match block {
            BlockRef::Shuffled { shuffle, map, reducer } => {
                let (shuffle, map) = (ShuffleId(shuffle), map as usize);
                let stored = self.blocks.shuffled(shuffle, map, reducer as usize)?;
                bytes(stored).inspect_err(|_| self.blocks.unreadable(shuffle, map))
            }
            BlockRef::Cached { dataset, partition } => {
                let (dataset, partition) = (DatasetId(dataset), partition as usize);
                let stored = self.blocks.kept(dataset, partition);
                // The next attempt is planned without it.
                let stored = stored.ok_or_else(|| Failure::external(format!("{block:?} was let go")))?;
                bytes(stored).inspect_err(|why| self.blocks.not_kept(dataset, partition, why))
            }
            BlockRef::Broadcast(number) => {
                if let Some(value) = self.executor.broadcast_value(number) {
                    return Ok(value);
                }
                let value = self.executor.lent(BROADCASTS, number)?.ok_or_else(|| {
                    Failure::user(format!("broadcast variable {number} was destroyed"))
                        .advice("a destroyed variable cannot be used again; unpersist keeps it usable")
                })?;
                let value = Arc::new(value);
                locked(&self.executor.broadcasts).insert(number, Arc::clone(&value));
                Ok(value)
            }
        }
    }

    fn keep(&self, (dataset, partition): (u64, u64), block: Vec<u8>) -> Result<(), Failure> {
        let (dataset, partition) = (DatasetId(dataset), partition as usize);
        let Some(&(_, level)) = self.levels.iter().find(|(kept, _)| *kept == dataset) else { return Ok(()) };
        let stored = if level.uses_memory() {
            Ok(Stored::Memory(Arc::new(Encoded::from(Arc::new(block)))))
        } else {
            self.blocks.frames(dataset).and_then(|frames| written(frames, &block))
        };
        match stored {
            Ok(stored) => self.blocks.keep(dataset, partition, level, stored),
            Err(why) => self.blocks.not_kept(dataset, partition, &why),
        }
        Ok(())
    }
}

/// A block on disk.
fn written(frames: Arc<dyn Frames>, block: &[u8]) -> Result<Stored, Failure> {
    block.chunks(FRAME).try_for_each(|chunk| frames.append(chunk))?;
    Ok(Stored::Disk(frames))
}

/// The bytes of a block, wherever it is.
fn bytes(stored: Stored) -> Result<Arc<Vec<u8>>, Failure> {
    match stored {
        Stored::Memory(block) => Encoded::of(block.as_any()),
        Stored::Disk(frames) => {
            let mut bytes = Vec::new();
            for at in 0..frames.count() {
                bytes.extend_from_slice(&frames.read(at)?);
            }
            Ok(Arc::new(bytes))
        }
    }
}
