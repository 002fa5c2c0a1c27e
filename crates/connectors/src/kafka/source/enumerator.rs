//! Handing out partitions.
//!
//! Holds: a partition goes to the subtask that its name and the parallelism say, and is handed out once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use millstream_dataflow::source::{NextSplit, SplitEnumerator};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use serde::{Deserialize, Serialize};

use super::discovery::{Found, Key, Search, search};
use super::split::KafkaSplit;
use super::topics::Plan;
use crate::kafka::native::Properties;

/// How long a job's start may be held up for the first answer: errors are then told before anything runs, and a job whose
/// broker is silent can still be cancelled within a second.
const FIRST_ANSWER: Duration = Duration::from_millis(800);

pub(super) struct PartitionEnumerator {
    known: Known,
    /// `None` once nothing more is to be found.
    search: Option<Search>,
    is_bounded: bool,
}

/// What is kept in a checkpoint.
#[derive(Default, Serialize, Deserialize)]
struct Known {
    /// Whether the first look is done: offsets to start at are for partitions that were there then.
    looked: bool,
    partitions: BTreeSet<Key>,
    waiting: Vec<KafkaSplit>,
}

impl PartitionEnumerator {
    pub(super) fn new(
        servers: String,
        properties: &Properties,
        plan: Plan,
        restored: Option<Vec<u8>>,
    ) -> Result<Self> {
        let known = match restored {
            None => Known::default(),
            Some(bytes) => from_bytes(&bytes).map_err(|error| {
                Failure::user("the checkpoint's partitions do not fit this source").because(error)
            })?,
        };
        let is_bounded = plan.stop.is_some();
        let is_whole = known.looked && (is_bounded || plan.interval.is_zero());
        let partitions = known.looked.then(|| known.partitions.clone());
        let search = if is_whole { None } else { Some(search(servers, properties, plan, partitions)?) };
        let mut own = Self { known, search, is_bounded };
        let until = Instant::now() + FIRST_ANSWER;
        while !own.known.looked && Instant::now() < until {
            own.hear(AT_ONCE)?;
        }
        Ok(own)
    }

    /// Takes what was found; waits so long for it.
    fn hear(&mut self, patience: Duration) -> Result<()> {
        let mut patience = patience;
        while let Some(search) = &self.search {
            match search.found.recv_timeout(patience) {
                Ok(Found::Splits(splits, partitions)) => {
                    self.known.looked = true;
                    self.known.partitions.extend(partitions);
                    self.known.waiting.extend(splits);
                    patience = Duration::ZERO;
                }
                Ok(Found::Failed(failure)) => {
                    self.search = None;
                    return Err(failure);
                }
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => return Ok(()),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => self.search = None,
            }
        }
        Ok(())
    }
}

/// How long one wait for an answer is while a job starts.
const AT_ONCE: Duration = Duration::from_millis(20);

impl SplitEnumerator<KafkaSplit> for PartitionEnumerator {
    fn next_split(&mut self, subtask: Subtask) -> Result<NextSplit<KafkaSplit>> {
        self.hear(Duration::ZERO)?;
        let own = self.known.waiting.iter().position(|split| split.owner(subtask.of) == subtask.index);
        Ok(match own {
            Some(index) => NextSplit::Split(self.known.waiting.remove(index)),
            None if self.is_bounded && self.known.looked => NextSplit::NoMore,
            None => NextSplit::Wait,
        })
    }

    fn add_back(&mut self, splits: Vec<KafkaSplit>) {
        self.known.waiting.splice(0..0, splits);
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        to_bytes(&self.known)
            .map_err(|error| Failure::internal("partitions cannot be encoded").because(error))
    }
}
