//! What a worker and the job manager tell each other.
//!
//! Answers for the messages and for how a program's bytes travel: over a connection of their own, since they are no
//! message. Holds: a total, not a change, is told when a conversation begins.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use millstream_runtime::control::ExecutorId;
use serde::{Deserialize, Serialize};

use crate::dispatcher::Kind;
use crate::process::Stream;

/// The roles in which the job manager's callers introduce themselves.
pub(crate) mod role {
    /// With slots to lend.
    pub(crate) const WORKER: &str = "worker";
    /// For the bytes of a program, whose hash is the caller's name; the answer is its length (8 bytes, little end first)
    /// and its bytes.
    pub(crate) const PROGRAM: &str = "program";
    /// A program that directs its job.
    pub(crate) const MASTER: &str = "master";
}

/// What a worker tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// Its first words.
    Here {
        /// How many processes of one slot each, or fewer larger ones, it runs at once.
        slots: u32,
        /// Its version: that of the job manager, or it is sent away.
        version: String,
        /// What still runs there, of a conversation before, and with how many slots.
        running: Vec<(ExecutorId, u32)>,
    },
    /// A process is at its end, or did not begin.
    Exited {
        /// Which.
        executor: ExecutorId,
        /// How.
        why: String,
    },
    /// A process has printed a line.
    Said {
        /// Which.
        executor: ExecutorId,
        /// Of which job.
        job: String,
        /// On what.
        stream: Stream,
        /// The line.
        text: String,
    },
}

/// What a worker is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    /// Start a process.
    Start(StartExecutor),
    /// End it.
    End {
        /// Which.
        executor: ExecutorId,
    },
    /// Go away, and do not come again.
    SentAway {
        /// Why.
        why: String,
    },
}

/// An executor to be started.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StartExecutor {
    /// Its number.
    pub(crate) executor: ExecutorId,
    /// Of which job.
    pub(crate) job: String,
    /// Of which master.
    pub(crate) term: u64,
    /// What the secret of the job's processes follows from, for those who have the cluster's token.
    pub(crate) seed: String,
    /// How many slots it has.
    pub(crate) slots: u32,
    /// Where its master listens; an address of any interface means the job manager's machine.
    pub(crate) master: SocketAddr,
    /// The SHA-256 of its program.
    pub(crate) program: String,
    /// What its program is.
    pub(crate) kind: Kind,
    /// The SHA-256 of each file that has to be beside it.
    pub(crate) files: Vec<String>,
    /// How its user calls it.
    pub(crate) file_name: String,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Variables beside the worker's own.
    pub(crate) environment: BTreeMap<String, String>,
}
