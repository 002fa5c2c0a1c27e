//! Between an executor and the master of its job.

use std::fmt;
use std::net::SocketAddr;

use millstream_dataflow::operator::Barrier;
use millstream_dataflow::source::EncodedSplit;
use millstream_model::error::Failure;
use millstream_model::id::CheckpointId;
use millstream_state::{CheckpointName, Committable, Manifest, SubtaskState};
use serde::{Deserialize, Serialize};

use super::{Counted, StageEvent, StageOrder};
use crate::job::JobResult;

/// The number of an executor in its cluster, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutorId(pub u64);

impl fmt::Display for ExecutorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "executor {}", self.0)
    }
}

/// Which subtask of which chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId {
    /// The chain, counted in the plan.
    pub chain: usize,
    /// Its subtask, from 0.
    pub subtask: u32,
}

/// An executor and where it listens for records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Who.
    pub executor: ExecutorId,
    /// Where.
    pub data: SocketAddr,
}

/// What a master tells an executor.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToExecutor {
    /// Get ready to run subtasks: lay the channels, and say so.
    Deploy(Deployment),
    /// To one attempt at a job of the program.
    Order {
        /// Which attempt.
        attempt: u64,
        /// What to do.
        order: Order,
    },
    /// A job of the program has ended: the program goes on with this.
    Ended {
        /// The job's number in the program, from 0.
        number: u64,
        /// How it ended.
        result: Result<JobResult, Failure>,
    },
    /// About tasks of stages.
    Stages(StageOrder),
}

/// The subtasks of one attempt, and who runs them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deployment {
    /// The job's number in the program, from 0.
    pub number: u64,
    /// The attempt's number in the whole program.
    pub attempt: u64,
    /// No operator has more subtasks than this.
    pub most: u32,
    /// What the plan amounts to: an executor with another one refuses.
    pub fingerprint: String,
    /// Everybody who takes part.
    pub peers: Vec<Peer>,
    /// For each chain, for each of its subtasks: who runs it.
    pub places: Vec<Vec<ExecutorId>>,
    /// What it consists of that is restored from, if anything is.
    pub restore: Option<Manifest>,
}

/// What an executor is to do in an attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Order {
    /// All are ready: start the subtasks.
    Start,
    /// To one subtask.
    Task(TaskId, TaskOrder),
    /// The checkpoint is complete: what was kept of those before it is of no use.
    Completed(CheckpointName),
    /// End the subtasks that still run, and say when they have ended.
    Leave,
}

/// What a subtask is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TaskOrder {
    /// Read this split.
    Split(EncodedSplit),
    /// There is no split for now; ask again later.
    Wait,
    /// There are no more splits.
    NoMoreSplits,
    /// Send this barrier down the chain.
    Barrier(Barrier),
    /// The checkpoint is complete.
    Completed(CheckpointId),
    /// Stop reading; with `drain` as if the input had ended, without it right where it is.
    Stop {
        /// Whether windows fire.
        drain: bool,
    },
    /// All is done: the thread can go.
    Finish,
}

/// What an executor tells the master.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToJob {
    /// Its first words.
    Here {
        /// Who it is.
        executor: ExecutorId,
        /// How many slots it has.
        slots: u32,
        /// Where it listens for records.
        data: SocketAddr,
    },
    /// The program has come to this job, and waits to take part in it.
    AtJob {
        /// The job's number in the program, from 0.
        number: u64,
        /// What its plan amounts to here.
        fingerprint: String,
    },
    /// The program cannot run in this process, nor in another one like it: the job has to fail.
    Unfit(Failure),
    /// The channels of an attempt are laid.
    Ready {
        /// Which attempt.
        attempt: u64,
    },
    /// Something happened in an attempt.
    Happened {
        /// Which attempt.
        attempt: u64,
        /// What.
        what: Happened,
    },
    /// No thread of the attempt runs any more, or these do not end.
    Left {
        /// Which attempt.
        attempt: u64,
        /// Who does not end.
        stuck: Option<Failure>,
    },
    /// What passed through each node of the graph here, in this attempt.
    Counted {
        /// Which attempt.
        attempt: u64,
        /// Totals.
        counted: Counted,
    },
    /// About tasks of stages.
    Stages(StageEvent),
}

/// What happens in the subtasks of an attempt.
#[derive(Debug, Serialize, Deserialize)]
pub enum Happened {
    /// The reader has nothing to read.
    NeedSplit(TaskId),
    /// A subtask's part of a checkpoint was written, or could not be; what its sinks staged is told either way.
    Part {
        /// Whose; `None` is the coordinator's own, which does not travel.
        task: Option<TaskId>,
        /// Which checkpoint.
        checkpoint: CheckpointId,
        /// What its sinks staged.
        staged: Vec<Committable>,
        /// From the first of its channels' barriers to the last, in milliseconds.
        alignment: u64,
        /// What was written.
        written: Result<SubtaskState, Failure>,
    },
    /// No record follows out of this subtask; `cut` if it is a source that was stopped before its end.
    Ended {
        /// Which.
        task: TaskId,
        /// Whether it was stopped.
        cut: bool,
    },
    /// A subtask failed.
    Failed(Failure),
    /// Another executor cannot be reached from here.
    Lost(Failure),
    /// Its thread is at its end.
    Exited(TaskId),
}
