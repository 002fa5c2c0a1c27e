//! The way into the tasks of a stage, which is shut once the stage has failed.
//!
//! Holds: behind a gate that was shut no task begins; those that had begun are told to stop, and are waited for, but for
//! attempts that were abandoned.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use millstream_dataflow::lineage::Cancellation;

/// An attempt: its task's place in the stage, and its number.
pub(super) type Name = (usize, u32);

struct Entered {
    attempt: Name,
    partition: usize,
    thread: ThreadId,
    since: Instant,
    cancellation: Cancellation,
}

#[derive(Default)]
struct State {
    is_shut: bool,
    inside: Vec<Entered>,
    /// Attempts that nobody waits for any more.
    abandoned: HashSet<Name>,
}

#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

/// An attempt that runs.
pub(super) struct Inside<'a> {
    gate: &'a Gate,
    attempt: Name,
    pub(super) since: Instant,
    pub(super) cancellation: Cancellation,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an attempt at the task of a partition begin, unless the gate is shut or nobody waits for it any more.
    pub(super) fn enter(&self, attempt: Name, partition: usize) -> Option<Inside<'_>> {
        let mut state = self.state();
        if state.is_shut || state.abandoned.contains(&attempt) {
            return None;
        }
        let (thread, since, cancellation) = (thread::current().id(), Instant::now(), Cancellation::default());
        state.inside.push(Entered { attempt, partition, thread, since, cancellation: cancellation.clone() });
        Some(Inside { gate: self, attempt, since, cancellation })
    }

    /// Nobody waits for an attempt any more: it is told to stop. Gives its thread, if it has begun.
    pub(super) fn abandon(&self, attempt: Name) -> Option<ThreadId> {
        let mut state = self.state();
        state.abandoned.insert(attempt);
        let at = state.inside.iter().position(|entered| entered.attempt == attempt)?;
        let entered = state.inside.swap_remove(at);
        entered.cancellation.cancel();
        self.left.notify_all();
        Some(entered.thread)
    }

    /// The attempts that run, with their begins.
    pub(super) fn running(&self) -> Vec<(Name, Instant)> {
        self.state().inside.iter().map(|entered| (entered.attempt, entered.since)).collect()
    }

    /// How many tasks run.
    pub(super) fn inside(&self) -> usize {
        self.state().inside.len()
    }

    /// Shuts the gate, and tells the tasks inside to stop.
    pub(super) fn shut(&self) {
        let mut state = self.state();
        state.is_shut = true;
        state.inside.iter().for_each(|entered| entered.cancellation.cancel());
    }

    /// Waits until there is no task inside, so long at most; gives the partitions of those that still are, in order, with their
    /// threads.
    pub(super) fn wait_until_left(&self, at_most: Duration) -> Vec<(usize, ThreadId)> {
        let state = self.state();
        let waited = self.left.wait_timeout_while(state, at_most, |state| !state.inside.is_empty());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let inside = state.inside.iter().map(|entered| (entered.partition, entered.thread));
        let mut inside: Vec<_> = inside.collect();
        inside.sort_unstable_by_key(|&(partition, _)| partition);
        inside
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        if let Some(at) = state.inside.iter().position(|entered| entered.attempt == self.attempt) {
            state.inside.swap_remove(at);
        }
        self.gate.left.notify_all();
    }
}
