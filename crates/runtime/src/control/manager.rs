//! Between the master of a job and the job manager.

use std::net::SocketAddr;

use millstream_dataflow::source::SourceGauge;
use millstream_model::error::Failure;
use serde::{Deserialize, Serialize};

use super::{ChainWork, ExecutorId};
use crate::job::JobStatus;

/// The number of a question of the job manager's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskId(pub u64);

/// What a master tells the job manager.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToManager {
    /// Its first words: executors find it there.
    Here {
        /// Where it listens for executors.
        executors: SocketAddr,
    },
    /// How many slots the job needs by now in all, those that it has included; 0 gives them back.
    Need {
        /// The number.
        slots: u32,
        /// With so many of them it runs already, and takes in the others when they come.
        least: u32,
    },
    /// How the job is: told each second, and when something changes.
    Report(Box<Report>),
    /// The answer to a question.
    Answer(AskId, Result<String, Failure>),
    /// The last word of a master that is the program of whoever submitted the job: the job has ended.
    Ended {
        /// Why, where it is a failure.
        failure: Option<String>,
    },
}

/// What the job manager tells a master.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToMaster {
    /// The slots that the job has now. They are fewer than it needs for as long as there are no more.
    Slots {
        /// Who has them; new ones make themselves known to the master.
        granted: Vec<Granted>,
        /// Slots in the whole cluster that no job has.
        free: u32,
    },
    /// An executor's process has ended.
    Gone {
        /// Which.
        executor: ExecutorId,
        /// What is known about why.
        why: String,
    },
    /// A question, or something to do; answered with [`ToManager::Answer`].
    Ask(AskId, Ask),
}

/// Slots of one worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The process there that has them.
    pub executor: ExecutorId,
    /// The worker, for people: `worker-2 at 10.0.0.7`.
    pub worker: String,
    /// How many.
    pub slots: u32,
}

/// What can be asked of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// End at once.
    Cancel,
    /// End in order.
    Stop,
    /// End in order with a savepoint, whose name is the answer.
    StopWithSavepoint,
    /// Take a savepoint, whose name is the answer.
    Savepoint,
}

/// How a job is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The name that the program gave it.
    pub name: String,
    /// What it is doing.
    pub status: JobStatus,
    /// What it waits for, where it waits: slots, say.
    pub waits_for: Option<String>,
    /// The job's number in the program, from 0.
    pub number: u64,
    /// How often it was started again after a failure.
    pub restarts: u32,
    /// The subtasks of the widest chain: how many slots it runs in.
    pub parallelism: u32,
    /// The plan in a few lines, for people.
    pub plan: String,
    /// The plan as data.
    pub graph: Graph,
    /// What has passed through its operators, in this attempt; in the order of the graph's nodes.
    pub operators: Vec<OperatorReport>,
    /// Records in channels now.
    pub records_in_flight: u64,
    /// The last checkpoints, the newest at the end.
    pub checkpoints: Vec<CheckpointRecord>,
    /// The last failures, the newest at the end.
    pub exceptions: Vec<ExceptionRecord>,
}

/// Nodes and edges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// The operators.
    pub nodes: Vec<GraphNode>,
    /// How records move between them.
    pub edges: Vec<GraphEdge>,
}

/// An operator, a source or a sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphNode {
    /// For people.
    pub name: String,
    /// For its state.
    pub uid: String,
    /// `source`, `operator` or `sink`.
    pub kind: String,
    /// How many subtasks it has.
    pub parallelism: u32,
    /// Nodes of one chain run fused.
    pub chain: usize,
}

/// An edge from one node to a later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphEdge {
    /// The node it leaves, counted in the graph.
    pub from: u32,
    /// The node it leads to.
    pub to: u32,
    /// `forward`, `keyed`, ...
    pub exchange: String,
}

/// What passed through an operator, over all its subtasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorReport {
    /// Records that came in.
    pub records_in: u64,
    /// Records that went out through the main output.
    pub records_out: u64,
    /// Records that user code gave an error for and that were left out.
    pub records_skipped: u64,
    /// The lowest watermark of its subtasks, in milliseconds since 1970; `None` before the first.
    pub watermark: Option<i64>,
    /// What the chain that it runs in did with its time.
    pub chain: ChainWork,
    /// What the readers of a source publish.
    #[serde(default)]
    pub gauges: Vec<SourceGauge>,
}

/// A checkpoint that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRecord {
    /// `checkpoint-000017`.
    pub name: String,
    /// When it was begun, in milliseconds since 1970.
    pub begun: i64,
    /// How long it took from its beginning to its manifest, in milliseconds.
    pub duration: u64,
    /// The longest that a subtask waited from the first of its channels' barriers to the last, in milliseconds.
    pub alignment: u64,
    /// The size of its state, in bytes.
    pub bytes: u64,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// A failure of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionRecord {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The failure in full.
    pub failure: String,
    /// What the program wants to know of it again, in a form of its own.
    #[serde(default)]
    pub detail: Option<String>,
}
