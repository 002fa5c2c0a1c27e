//! Splitting the files found, now and while the job runs.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use millstream_dataflow::source::{NextSplit, SplitEnumerator};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use serde::{Deserialize, Serialize};

use super::FileSplit;
use super::find::{files, length_of, nothing_found};
use super::places::Places;
use super::split::cut;

/// Hands out parts of files.
///
/// Holds: a file whose name is in `seen` is never split again.
pub(super) struct FileEnumerator {
    path: String,
    places: Places,
    split_bytes: u64,
    watch: Option<Duration>,
    looked: Instant,
    found: Found,
}

#[derive(Default, Serialize, Deserialize)]
struct Found {
    seen: BTreeSet<String>,
    waiting: VecDeque<FileSplit>,
}

impl FileEnumerator {
    pub(super) fn new(
        path: String,
        places: Places,
        split_bytes: u64,
        watch: Option<Duration>,
        restored: Option<Vec<u8>>,
    ) -> Result<Self> {
        let mut enumerator =
            Self { path, places, split_bytes, watch, looked: Instant::now(), found: Found::default() };
        match restored {
            Some(bytes) => {
                enumerator.found = from_bytes(&bytes).map_err(|error| {
                    Failure::user("the checkpoint's files do not fit this source").because(error)
                })?;
            }
            None => {
                enumerator.look()?;
                let is_empty = enumerator.found.seen.is_empty() && watch.is_none();
                if is_empty && files(&enumerator.path, &enumerator.places)?.is_empty() {
                    return Err(nothing_found(&enumerator.path));
                }
            }
        }
        Ok(enumerator)
    }

    fn look(&mut self) -> Result<()> {
        for file in files(&self.path, &self.places)? {
            // HDFS shows a file that is being written, without a length until it is closed.
            let may_be_open = file.length == Some(0);
            if !may_be_open && !self.found.seen.contains(&file.name) {
                // A local one is opened here, so that one that may not be read is told of before the job has begun.
                let length = length_of(&file)?;
                self.found.waiting.extend(cut(&file.name, length, self.split_bytes));
                self.found.seen.insert(file.name);
            }
        }
        self.looked = Instant::now();
        Ok(())
    }
}

impl SplitEnumerator<FileSplit> for FileEnumerator {
    fn next_split(&mut self, _: Subtask) -> Result<NextSplit<FileSplit>> {
        if let (true, Some(interval)) = (self.found.waiting.is_empty(), self.watch)
            && self.looked.elapsed() >= interval
        {
            self.look()?;
        }
        Ok(match (self.found.waiting.pop_front(), self.watch) {
            (Some(split), _) => NextSplit::Split(split),
            (None, Some(_)) => NextSplit::Wait,
            (None, None) => NextSplit::NoMore,
        })
    }

    fn add_back(&mut self, splits: Vec<FileSplit>) {
        for split in splits.into_iter().rev() {
            self.found.waiting.push_front(split);
        }
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        to_bytes(&self.found).map_err(|error| Failure::internal("splits cannot be encoded").because(error))
    }
}
