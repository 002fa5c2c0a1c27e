//! Whether two processes of a program came to the same action.
//!
//! Holds: a data set is described once, by the first action that reads it; so the descriptions of all actions together are
//! no longer than the program's lineage.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use millstream_dataflow::lineage::{DatasetId, Dependency, Lineage};
use millstream_model::error::{Failure, Result};

use super::super::accumulator::Accumulators;
use super::super::action::Action;

/// A data set and all that it is made from that is not in `known`, those first that others are made from.
pub(in super::super) fn below(last: &Arc<dyn Lineage>, known: &HashSet<DatasetId>) -> Vec<Arc<dyn Lineage>> {
    let (mut ordered, mut seen) = (Vec::new(), HashSet::new());
    let mut stack = vec![(Arc::clone(last), false)];
    while let Some((node, is_entered)) = stack.pop() {
        if is_entered {
            ordered.push(node);
            continue;
        }
        if known.contains(&node.id()) || !seen.insert(node.id()) {
            continue;
        }
        stack.push((Arc::clone(&node), true));
        for dependency in node.dependencies() {
            stack.push(match dependency {
                Dependency::Narrow(parent) => (Arc::clone(parent), false),
                Dependency::Shuffle(shuffle) => (shuffle.parent(), false),
            });
        }
    }
    ordered
}

fn describe(node: &dyn Lineage, to: &mut String) {
    let (id, name, partitions, at) = (node.id().0, node.name(), node.partitions(), node.called_at());
    let _infallible =
        write!(to, "rdd {id}: {name} in {partitions} partitions at {}:{}", at.file(), at.line());
    for dependency in node.dependencies() {
        let _infallible = match dependency {
            Dependency::Narrow(parent) => write!(to, ", of {}", parent.id().0),
            Dependency::Shuffle(shuffle) => {
                write!(to, ", of {} by shuffle {}", shuffle.parent().id().0, shuffle.id().0)
            }
        };
    }
    to.push('\n');
}

/// The thread that calls actions.
struct Owner {
    thread: ThreadId,
    /// Whether the program's own thread has lent them to another.
    is_lent: bool,
}

/// The actions of a program that runs in several processes.
pub(super) struct Actions {
    owner: Mutex<Owner>,
    known: Mutex<HashSet<DatasetId>>,
}

impl Actions {
    /// Those of the calling thread.
    pub(super) fn new() -> Self {
        let owner = Owner { thread: thread::current().id(), is_lent: false };
        Self { owner: Mutex::new(owner), known: Mutex::default() }
    }

    /// Another thread calls the actions from now on: one that the program lends them to, or its own again.
    pub(super) fn hand_over(&self, thread: ThreadId, is_lent: bool) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = Owner { thread, is_lent };
    }

    /// Refuses another thread.
    ///
    /// # Errors
    /// If this is another one.
    pub(super) fn check_thread(&self, what: &str) -> Result<()> {
        let is_lent = {
            let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
            if thread::current().id() == owner.thread {
                return Ok(());
            }
            owner.is_lent
        };
        if is_lent {
            return Err(Failure::user(format!("{what} was called while a stream in batches (DStream) runs")).advice(
                "on a cluster all processes of a program must come to the same actions in the same order: call them in \
                 output operations (foreach_rdd), or when the stream has ended",
            ));
        }
        Err(Failure::user(format!("{what} was called by another thread than the one that made the context")).advice(
            "on a cluster all processes of a program must come to the same actions in the same order: call them from one \
             thread",
        ))
    }

    /// Gets the lineage of an action ready, which may take jobs of its own, and describes the action.
    ///
    /// # Errors
    /// Those of these jobs; or that the action cannot run on a cluster.
    pub(super) fn begin(&self, action: &Action, accumulators: &Accumulators) -> Result<String> {
        let last = &action.dataset;
        self.check_thread(&format!("an action on `{}` (rdd {})", last.name(), last.id().0))?;
        if action.encode.is_none() {
            return Err(Failure::user(format!(
                "the result of an action on `{}` (rdd {}) cannot be told to the other processes of the program",
                last.name(),
                last.id().0
            ))
            .advice("on a cluster use an action whose result can be encoded, or run the program by itself"));
        }
        let new = below(last, &self.known.lock().unwrap_or_else(PoisonError::into_inner));
        new.iter().try_for_each(|node| node.prepare())?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = accumulators.made();
        for node in new.iter().filter(|node| known.insert(node.id())) {
            describe(&**node, &mut text);
        }
        let _infallible = writeln!(text, "action on rdd {}, partitions {:?}", last.id().0, action.partitions);
        Ok(text)
    }
}

/// Says that two processes came to different actions, and where they differ first.
pub(in super::super) fn other_action(number: u64, master: &str, executor: &str) -> Failure {
    let (mut theirs, mut ours) = (master.lines(), executor.lines());
    let (theirs, ours) = loop {
        match (theirs.next(), ours.next()) {
            (Some(one), Some(other)) if one == other => {}
            (one, other) => break (one.unwrap_or("nothing more"), other.unwrap_or("nothing more")),
        }
    };
    Failure::user(format!(
        "job {number} of the program is another one in an executor than in its master: there `{ours}`, here `{theirs}`"
    ))
    .advice(
        "a program must make the same data sets and call the same actions in every process: from its arguments and from \
         results of actions, not from the clock, random numbers, or files that only one machine has",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        let (master, executor) =
            ("rdd 0: range\nrdd 1: map in 2 partitions\n", "rdd 0: range\nrdd 1: filter\n");
        let text = other_action(3, master, executor).to_string();
        assert!(text.contains("job 3 of the program"), "{text}");
        assert!(text.contains("there `rdd 1: filter`, here `rdd 1: map in 2 partitions`"), "{text}");
        let text = other_action(3, "rdd 0: range\n", "").to_string();
        assert!(text.contains("there `nothing more`, here `rdd 0: range`"), "{text}");
    }
}
