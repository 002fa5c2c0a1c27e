//! The way into the tasks of a stage, which is shut once the stage has failed.
//!
//! Holds: behind a gate that was shut no task begins; those that had begun are told to stop, and are waited for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use millstream_dataflow::lineage::Cancellation;

#[derive(Default)]
struct State {
    is_shut: bool,
    inside: Vec<(usize, ThreadId)>,
}

#[derive(Default)]
pub(super) struct Gate {
    pub(super) cancellation: Cancellation,
    state: Mutex<State>,
    left: Condvar,
}

/// A task that runs.
pub(super) struct Inside<'a>(&'a Gate, (usize, ThreadId));

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the task of a partition begin, unless the gate is shut.
    pub(super) fn enter(&self, partition: usize) -> Option<Inside<'_>> {
        let mut state = self.state();
        if state.is_shut {
            return None;
        }
        let task = (partition, thread::current().id());
        state.inside.push(task);
        Some(Inside(self, task))
    }

    /// How many tasks run.
    pub(super) fn inside(&self) -> usize {
        self.state().inside.len()
    }

    /// Shuts the gate, and tells the tasks inside to stop.
    pub(super) fn shut(&self) {
        self.cancellation.cancel();
        self.state().is_shut = true;
    }

    /// Waits until there is no task inside, so long at most; gives the partitions of those that still are, in order, with their
    /// threads.
    pub(super) fn wait_until_left(&self, at_most: Duration) -> Vec<(usize, ThreadId)> {
        let state = self.state();
        let waited = self.left.wait_timeout_while(state, at_most, |state| !state.inside.is_empty());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let mut inside = state.inside.clone();
        inside.sort_unstable_by_key(|&(partition, _)| partition);
        inside
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if let Some(at) = state.inside.iter().position(|task| *task == self.1) {
            state.inside.swap_remove(at);
        }
        self.0.left.notify_all();
    }
}
