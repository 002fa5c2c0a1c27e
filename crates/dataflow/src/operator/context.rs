//! What a chain and its operators are told when they are opened.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};
use millstream_model::id::{OperatorUid, Subtask};
use millstream_model::key::{KeyGroupRange, MaxParallelism};
use millstream_model::settings::Choices;
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

impl Choices for Mode {
    const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("streaming", Self::Streaming, "every update is emitted"),
        ("batch", Self::Batch, "a keyed aggregate emits only its last value for each key"),
    ];
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

/// Whether the job is being stopped at once: whoever waits for the outside world asks it now and then, and gives up.
#[derive(Clone)]
pub struct Cancelled(Arc<dyn Fn() -> bool + Send + Sync>);

impl Default for Cancelled {
    /// Never.
    fn default() -> Self {
        Self::when(|| false)
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancelled({})", (self.0)())
    }
}

impl Cancelled {
    /// Once this is true.
    pub fn when(is_cancelled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_cancelled))
    }

    /// Waits so long.
    ///
    /// # Errors
    /// If the job is cancelled before the time is over.
    pub fn wait(&self, time: Duration) -> Result<()> {
        const LOOK: Duration = Duration::from_millis(10);
        let until = Instant::now() + time;
        loop {
            if (self.0)() {
                return Err(Failure::cancelled());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(LOOK));
        }
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
    /// Whether the job is being stopped at once.
    pub cancelled: Cancelled,
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
    /// Whether the job is being stopped at once.
    pub cancelled: Cancelled,
    /// The state it starts with. State that nobody claims is an error.
    pub restore: OperatorRestore,
}
