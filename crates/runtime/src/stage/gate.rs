//! The way into the tasks of a stage, which is shut once the stage has failed.
//!
//! Holds: behind a gate that was shut no task begins; those that had begun are told to stop, and are waited for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_dataflow::lineage::Cancellation;

/// How long a stage that has failed waits for its other tasks; one that does not react is named and left alone.
const STOP_WITHIN: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    is_shut: bool,
    inside: Vec<usize>,
}

#[derive(Default)]
pub(super) struct Gate {
    pub(super) cancellation: Cancellation,
    state: Mutex<State>,
    left: Condvar,
}

/// A task that runs.
pub(super) struct Inside<'a>(&'a Gate, usize);

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
        state.inside.push(partition);
        Some(Inside(self, partition))
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

    /// Waits until there is no task inside.
    pub(super) fn wait_until_left(&self) {
        let state = self.state();
        let waited = self.left.wait_timeout_while(state, STOP_WITHIN, |state| !state.inside.is_empty());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !state.inside.is_empty() {
            let partitions = &state.inside;
            tracing::warn!(
                ?partitions,
                seconds = STOP_WITHIN.as_secs(),
                "tasks do not stop, and are not waited for"
            );
        }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if let Some(at) = state.inside.iter().position(|partition| *partition == self.1) {
            state.inside.swap_remove(at);
        }
        self.0.left.notify_all();
    }
}
