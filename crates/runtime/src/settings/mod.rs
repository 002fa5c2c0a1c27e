//! The settings of a job, as values.
//!
//! Answers for what can be set, for defaults, and for refusing what cannot be. The same settings as text, with their names
//! and meanings, are in `list`; putting the two together is in `given`.

mod given;
mod list;
#[cfg(test)]
mod tests;

pub use list::JOB_SETTINGS;

use std::path::PathBuf;
use std::time::Duration;

use millstream_dataflow::operator::Mode;
use millstream_model::error::{Failure, Result};
use millstream_model::key::MaxParallelism;

use crate::network::Compression;

/// How a job runs.
#[derive(Clone, Debug)]
pub struct JobSettings {
    /// For people and for the manifest.
    pub name: String,
    /// Subtasks of each operator that says nothing else; 1 and up.
    pub parallelism: u32,
    /// On a cluster: run with fewer subtasks where there are fewer slots, and with more, up to `parallelism`, once there are.
    pub adaptive: bool,
    /// On a cluster: slots whose processes are kept ready beside those that the job runs in.
    pub spare_slots: u32,
    /// Key groups; the most subtasks that a keyed operator can ever have.
    pub max_parallelism: MaxParallelism,
    /// Records that may be between subtasks, in all channels of the job together.
    pub records_in_flight: usize,
    /// How long a record may wait for its batch to fill; zero: not at all.
    pub flush_interval: Duration,
    /// How records between processes are compressed.
    pub compression: Compression,
    /// Streaming or batch.
    pub mode: Mode,
    /// Where and when checkpoints are taken; `None`: not at all.
    pub checkpoints: Option<CheckpointSettings>,
    /// What happens after a failure.
    pub restart: Restart,
    /// How long a thread may take to react when the job stops, before the error names it.
    pub cancel_timeout: Duration,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            name: "job".into(),
            parallelism: 1,
            adaptive: false,
            spare_slots: 0,
            max_parallelism: MaxParallelism::default(),
            records_in_flight: 65_536,
            flush_interval: Duration::from_millis(5),
            compression: Compression::None,
            mode: Mode::Streaming,
            checkpoints: None,
            restart: Restart::Never,
            cancel_timeout: Duration::from_secs(30),
        }
    }
}

impl JobSettings {
    /// Refuses settings that cannot be.
    ///
    /// # Errors
    /// Which setting is wrong, and what would be right.
    pub fn check(&self) -> Result<()> {
        let max = u32::from(self.max_parallelism.get());
        check_parallelism("the job", self.parallelism, max)?;
        if self.records_in_flight == 0 {
            return Err(Failure::user("records_in_flight is 0, but a channel must hold one record at least"));
        }
        if let Some(checkpoints) = &self.checkpoints {
            if checkpoints.interval.is_zero() {
                return Err(Failure::user("the checkpoint interval is 0; give it at least 1 ms"));
            }
            if checkpoints.retained == 0 {
                return Err(Failure::user(
                    "retained checkpoints are 0; keep 1 at least, or nothing could be restored",
                ));
            }
        }
        Ok(())
    }
}

/// Refuses a parallelism of 0 or above the number of key groups.
pub(crate) fn check_parallelism(whose: &str, parallelism: u32, max: u32) -> Result<()> {
    if parallelism == 0 || parallelism > max {
        return Err(Failure::user(format!(
            "the parallelism of {whose} is {parallelism}, but must be from 1 to the max parallelism, {max}"
        ))
        .advice(
            "if you need more, raise it: set_max_parallelism(n) in the program, --max-parallelism n on the command \
             line; checkpoints written with another one cannot be restored then",
        ));
    }
    Ok(())
}

/// Where and when checkpoints are taken.
#[derive(Clone, Debug)]
pub struct CheckpointSettings {
    /// The folder. One job at a time may use it.
    pub folder: PathBuf,
    /// From the begin of one to the begin of the next.
    pub interval: Duration,
    /// How long one may take before it is given up.
    pub timeout: Duration,
    /// At least this long from the end of one to the begin of the next.
    pub min_pause: Duration,
    /// How many may fail in a row before the job does.
    pub tolerable_failures: u32,
    /// How many are kept.
    pub retained: usize,
    /// Whether barriers are aligned.
    pub mode: CheckpointMode,
    /// What to start from.
    pub restore: RestoreFrom,
    /// What becomes of state without an operator, and of an operator without state, in that checkpoint.
    pub unmatched: UnmatchedState,
    /// On a cluster: whether workers keep copies of the state that they wrote, and start from those after a failure.
    pub local_recovery: bool,
}

impl CheckpointSettings {
    /// Each second into `folder`, exactly once, the last three kept, starting anew.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(600),
            min_pause: Duration::ZERO,
            tolerable_failures: 0,
            retained: 3,
            mode: CheckpointMode::ExactlyOnce,
            restore: RestoreFrom::Nothing,
            unmatched: UnmatchedState::Refuse,
            local_recovery: true,
        }
    }
}

/// What a restart from a checkpoint may do to the counts in state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckpointMode {
    /// Each record counts once: a subtask waits with a channel whose barrier has come until all have.
    #[default]
    ExactlyOnce,
    /// A record may count twice after a restart, but no channel ever waits.
    AtLeastOnce,
}

/// What a job starts from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RestoreFrom {
    /// No state.
    #[default]
    Nothing,
    /// The last checkpoint in the folder; no state if there is none.
    Latest,
    /// The checkpoint or savepoint of this name, such as `checkpoint-000017`, or of this number.
    Named(String),
}

/// What becomes of state that has no operator in the program, and of an operator that has none in the checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnmatchedState {
    /// The job does not start; the error lists both sides.
    #[default]
    Refuse,
    /// The state is left behind for good; the operator starts with none.
    Ignore,
}

/// What happens after a failure. A restart begins from the last checkpoint, without one from nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Restart {
    /// The job fails.
    #[default]
    Never,
    /// Again after `delay`, so many times at most.
    FixedDelay {
        /// Restarts in all.
        attempts: u32,
        /// The wait before each.
        delay: Duration,
    },
    /// Again after `delay`, unless there were more than `failures` within `interval`.
    FailureRate {
        /// Failures within the interval that are borne.
        failures: u32,
        /// The interval.
        interval: Duration,
        /// The wait before each restart.
        delay: Duration,
    },
    /// Again, waiting longer each time; back to the first wait after `reset_after` without a failure.
    ExponentialDelay {
        /// The first wait.
        initial: Duration,
        /// The longest.
        max: Duration,
        /// Each wait is the one before times this.
        factor: f64,
        /// How long it must have run well.
        reset_after: Duration,
    },
}
