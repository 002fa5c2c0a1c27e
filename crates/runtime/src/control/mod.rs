//! What the processes of a cluster tell each other.
//!
//! A program runs in several processes of the same binary. One of them is the job's *master*: it coordinates, finds splits,
//! completes checkpoints and lets sinks commit. The others are *executors*: they run subtasks, in slots that workers lend.
//! Job manager and workers start them; none of these two knows anything of records.
//!
//! ```text
//!   job manager  -- starts -->  master    master -- ToManager -->  job manager   -- ToMaster -->  master
//!   worker       -- starts -->  executor  executor -- ToJob -->  master          -- ToExecutor -->  executor
//!                                         executor <== records ==> executor
//! ```
//!
//! Whoever starts such a process sets the variable [`ROLE`] in its environment and writes its [`Charge`] as one line of
//! JSON to its standard input, which then stays open: its end tells the process that whoever started it is gone, and the
//! process ends too. Secrets travel on that way alone.
//!
//! Answers for the messages. Not for connections (crate `network`) nor for what is done about them.
//! Holds: messages about an attempt carry its number, so that late ones can be told apart; a total, not a change, is told
//! wherever a message could be repeated.

mod bytes;
mod charge;
mod counted;
mod executor;
mod manager;
mod stages;

pub use bytes::Bytes;
pub use charge::{Charge, DESERTED, RESCALED, ROLE, Role};
pub use counted::{ChainWork, Counted, NodeCounts};
pub use executor::{Deployment, ExecutorId, Happened, Order, Peer, TaskId, TaskOrder, ToExecutor, ToJob};
pub use manager::{
    Ask, AskId, CheckpointRecord, ExceptionRecord, Granted, Graph, GraphEdge, GraphNode, OperatorReport,
    Report, ToManager, ToMaster,
};
pub use millstream_dataflow::source::SourceGauge;
pub use stages::{
    Attempt, BlockPeer, KeptChange, ResultTold, StageEvent, StageOrder, TaskEnd, TaskOrdered, TaskPart,
};
