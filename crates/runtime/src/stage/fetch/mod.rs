//! Encoded runs of records of another process: blocks of shuffles, results of tasks and of actions.
//!
//! ```text
//! reader   a frame: which run, from which of its frames on
//! server   a frame: how many frames it has, how many follow; then these, each in a frame of its own
//!          or a frame: why it cannot be had
//! ```
//!
//! Answers for asking and answering over a connection that was introduced. Not for who has what (`there`), nor for what is
//! done when something is lost.
//! Holds: an answer is no longer than a bound, or one frame; each frame has a checksum; whoever asks waits no longer than
//! [`PATIENCE`].

mod reader;
mod server;

use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::lineage::Frames;
use millstream_model::error::{Failure, Result};
use serde::{Deserialize, Serialize};

pub(super) use reader::Reader;
pub(super) use server::Server;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// About how many bytes of frames follow each other in one answer.
const ANSWER: usize = 512 * 1024;
/// The longest frame, in bytes.
const LONGEST: usize = 1 << 30;

/// A run of frames that another process has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Wanted {
    /// What a map task left for a reducer.
    Block {
        /// The number of the shuffle.
        shuffle: u64,
        /// The map task.
        map: usize,
        /// Which of its blocks.
        block: usize,
    },
    /// The result of a task.
    Result {
        /// The stage.
        stage: u64,
        /// The task's place in it.
        at: usize,
    },
    /// What a program that runs in its master alone lends its tasks.
    Lent {
        /// Of which kind.
        shelf: u32,
        /// Its number among these.
        number: u64,
    },
    /// The results of the tasks of a job's action, in the order of the tasks.
    Recorded {
        /// The job's number in the program.
        number: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    wanted: Wanted,
    from: usize,
}

#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    /// So many frames of `all` follow; the run has so many bytes.
    Follow {
        count: usize,
        all: usize,
        bytes: usize,
    },
    Lost(String),
}

/// Where a server finds what it is asked for.
pub(super) trait Shelves: Send + Sync {
    /// The frames of a run.
    ///
    /// # Errors
    /// If it is not here.
    fn find(&self, wanted: &Wanted) -> Result<Arc<dyn Frames>>;
}

/// Frames that are in memory.
pub(super) struct InMemory(pub(super) Vec<Vec<u8>>);

impl Frames for InMemory {
    fn append(&self, _: &[u8]) -> Result<()> {
        Err(Failure::internal("frames that are whole were to grow"))
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    fn read(&self, at: usize) -> Result<Vec<u8>> {
        self.0.get(at).cloned().ok_or_else(|| Failure::internal("a frame that was never written"))
    }
}
