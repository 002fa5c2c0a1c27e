//! How an action runs where the same program runs in one process, or in several.
//!
//! In one process its stages are run, and that is all (`alone`). On a cluster every process of the program comes to the same
//! actions in the same order. Each action is a numbered job: the master runs its stages on the executors (`leader`), an
//! executor runs tasks by their names until the master has told how the job ended (`follower`), and all of them go on
//! with the same result.
//! A program may also run in its master alone, and ship what its tasks are (`driver`).
//!
//! Answers for numbering actions, for telling that two processes came to the same one, and for telling results. Not for
//! stages (`scheduler`) nor for where tasks run (`there`).
//! Holds: the result of an action is the same in every process, however late it comes.

mod driver;
mod follower;
mod leader;
mod lineage;
mod recorded;

use std::thread::ThreadId;

use millstream_dataflow::lineage::ShuffleId;
use millstream_model::error::Result;

pub(super) use driver::{Driver, Lent};
pub(super) use follower::Follower;
pub(super) use leader::Leader;
pub(super) use lineage::{below, other_action};

use super::Counters;
use super::action::{Action, Outcome};
use super::scheduler::Scheduler;

/// What this process is among those of its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramRole {
    /// There is no other.
    Alone,
    /// It decides, and tells the others.
    Leads,
    /// It does as it is told.
    Follows,
}

/// The program's actions, in this process.
pub(super) trait Program: Send + Sync {
    /// Runs an action, or takes part in it.
    fn act(&self, scheduler: &Scheduler, action: Action) -> Result<Vec<Outcome>>;

    /// Makes something in one process that all are told. `what` names it.
    fn once(&self, what: &str, make: &mut dyn FnMut() -> Result<Vec<u8>>) -> Result<Vec<u8>>;

    /// Whether there is no other process of the program.
    fn is_alone(&self) -> bool {
        false
    }

    /// Nobody asks for a shuffle any more.
    fn forget_shuffle(&self, _: ShuffleId) {}

    /// What tasks have told the program since this was asked last.
    fn take_told(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// The program is at its end, or has failed.
    fn leave(&self, _: Option<String>) {}

    /// What was run so far, where `own` was in this process.
    fn counters(&self, own: Counters) -> Counters;

    /// What this process is.
    fn role(&self) -> ProgramRole {
        ProgramRole::Alone
    }

    /// Another thread calls the actions from now on: one that the program lends them to, or its own again.
    fn hand_over(&self, _: ThreadId, _is_lent: bool) {}
}

/// A program in one process.
pub(super) struct Alone;

impl Program for Alone {
    fn act(&self, scheduler: &Scheduler, action: Action) -> Result<Vec<Outcome>> {
        scheduler.run(0, &action)
    }

    fn once(&self, _: &str, make: &mut dyn FnMut() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        make()
    }

    fn is_alone(&self) -> bool {
        true
    }

    fn counters(&self, own: Counters) -> Counters {
        own
    }
}
