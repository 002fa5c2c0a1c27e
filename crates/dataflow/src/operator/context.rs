//! What a chain and its operators are told when they are opened.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use millstream_model::error::Result;
use millstream_model::id::{OperatorUid, Subtask};
use millstream_model::key::{KeyGroupRange, MaxParallelism};
use millstream_model::time::Timestamp;

use super::{LinkCounts, OnError};
use crate::state::OperatorRestore;

/// Whether results are wanted as they change, or once at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Every update is emitted.
    #[default]
    Streaming,
    /// A keyed aggregate emits its last value for each key at the end of the input, and nothing before; no record is
    /// late, since event time stands still until then.
    Batch,
}

/// The alarm clock of a chain: asks the driver for a call of `on_processing_time`.
///
/// Holds: the earliest time asked for is kept; a tick clears it, and who wants another asks again.
#[derive(Clone, Debug)]
pub struct Wakeup(Rc<Cell<Timestamp>>);

impl Default for Wakeup {
    fn default() -> Self {
        Self(Rc::new(Cell::new(Timestamp::MAX)))
    }
}

impl Wakeup {
    /// Asks to be called at `time` or soon after it.
    #[inline]
    pub fn request(&self, time: Timestamp) {
        if time < self.0.get() {
            self.0.set(time);
        }
    }

    /// The earliest time asked for; [`Timestamp::MAX`] if there is none.
    #[inline]
    pub fn next(&self) -> Timestamp {
        self.0.get()
    }

    /// Forgets what was asked for. For the driver, right before a tick.
    pub fn clear(&self) {
        self.0.set(Timestamp::MAX);
    }
}

/// Hands out the state that an operator starts with; each operator's once.
pub trait RestoreSource {
    /// What the checkpoint has for the operator, cut to this subtask; empty on a fresh start.
    ///
    /// # Errors
    /// If it cannot be read.
    fn restore(&mut self, uid: &OperatorUid) -> Result<OperatorRestore>;
}

/// What all operators of one chain share.
pub struct ChainContext<'a> {
    /// The subtask that runs the chain.
    pub subtask: Subtask,
    /// The key groups that this subtask owns.
    pub groups: KeyGroupRange,
    /// The number of key groups of the job.
    pub max_parallelism: MaxParallelism,
    /// Streaming or batch.
    pub mode: Mode,
    /// The chain's alarm clock.
    pub wakeup: Wakeup,
    /// Where state comes from.
    pub restore: &'a mut dyn RestoreSource,
}

/// What one operator is told in [`super::Operator::open`].
pub struct OperatorContext<'a> {
    /// The operator's uid.
    pub uid: &'a OperatorUid,
    /// The operator's name.
    pub name: &'a str,
    /// The subtask that runs it.
    pub subtask: Subtask,
    /// The key groups that this subtask owns.
    pub groups: KeyGroupRange,
    /// The number of key groups of the job.
    pub max_parallelism: MaxParallelism,
    /// Streaming or batch.
    pub mode: Mode,
    /// What to do with records that user code gives an error for.
    pub on_error: &'a OnError,
    /// Where the operator counts what the link cannot see.
    pub counts: &'a Arc<LinkCounts>,
    /// The alarm clock for [`super::Operator::on_processing_time`].
    pub wakeup: Wakeup,
    /// The state it starts with. State that nobody claims is an error.
    pub restore: OperatorRestore,
}
