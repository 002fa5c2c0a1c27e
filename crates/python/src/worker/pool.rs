//! The workers of a context: started ahead, used again, replaced when they die.
//!
//! Holds: a process runs one task at a time, and only one that ended its task well is used again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::Cancellation;
use millstream_model::error::Failure;

use super::process::{Launch, Process};
use crate::host::Hosting;
use crate::plan::Task;
use crate::task::{Fault, Outcome};

pub(crate) struct Workers {
    launch: Launch,
    setup: Mutex<Arc<Vec<u8>>>,
    idle: Mutex<Vec<Process>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Workers {
    /// Starts `count` processes, and does not wait until they are there. `setup` is what each is told first.
    pub(crate) fn start(launch: Launch, setup: Vec<u8>, count: usize) -> Result<Self, Failure> {
        let setup = Arc::new(setup);
        let idle = (0..count).map(|_| Process::start(&launch, &setup)).collect::<Result<_, _>>()?;
        Ok(Self { launch, setup: Mutex::new(setup), idle: Mutex::new(idle) })
    }

    /// From now on, this is what workers are told first; those that are idle are replaced when they are needed.
    pub(crate) fn change_setup(&self, setup: Vec<u8>) {
        *locked(&self.setup) = Arc::new(setup);
        self.stop();
    }

    /// Runs a task in a worker that is idle, or in a new one; ends the worker if the job is told to stop meanwhile.
    pub(crate) fn run(
        &self,
        task: &Task,
        attachments: Vec<Arc<Vec<u8>>>,
        host: &dyn Hosting,
        cancellation: &Cancellation,
    ) -> Result<Outcome, Failure> {
        let setup = Arc::clone(&locked(&self.setup));
        let idle = locked(&self.idle).pop();
        let mut process = match idle {
            Some(process) => process,
            None => Process::start(&self.launch, &setup)?,
        };
        let result = process.run(&self.launch, task, attachments, host, cancellation);
        let is_well = match &result {
            Ok(_) => true,
            Err(failure) => failure.cause().is_some_and(|cause| cause.is::<Fault>()),
        };
        // One that was told something else at its start than others are now is replaced.
        if is_well && Arc::ptr_eq(&setup, &locked(&self.setup)) {
            locked(&self.idle).push(process);
        }
        result
    }

    /// Ends the workers that are idle.
    pub(crate) fn stop(&self) {
        let idle = std::mem::take(&mut *locked(&self.idle));
        drop(idle);
    }
}
