//! Splitting the files found, now and while the job runs.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use millstream_dataflow::source::{NextSplit, SplitEnumerator};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use serde::{Deserialize, Serialize};

use super::FileSplit;
use super::find::{files, length_of, name_of, nothing_found};
use super::split::cut;

/// Hands out parts of files.
///
/// Holds: a file whose name is in `seen` is never split again.
pub(super) struct FileEnumerator {
    path: String,
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
        split_bytes: u64,
        watch: Option<Duration>,
        restored: Option<Vec<u8>>,
    ) -> Result<Self> {
        let mut enumerator =
            Self { path, split_bytes, watch, looked: Instant::now(), found: Found::default() };
        match restored {
            Some(bytes) => {
                enumerator.found = from_bytes(&bytes).map_err(|error| {
                    Failure::user("the checkpoint's files do not fit this source").because(error)
                })?;
            }
            None => {
                enumerator.look()?;
                if enumerator.found.seen.is_empty() && watch.is_none() {
                    return Err(nothing_found(&enumerator.path));
                }
            }
        }
        Ok(enumerator)
    }

    fn look(&mut self) -> Result<()> {
        for file in files(&self.path)? {
            let name = name_of(&file)?;
            if !self.found.seen.contains(&name) {
                self.split(&name)?;
                self.found.seen.insert(name);
            }
        }
        self.looked = Instant::now();
        Ok(())
    }

    fn split(&mut self, name: &str) -> Result<()> {
        // Opened here, so that a file that may not be read is told of before the job has begun.
        let length = length_of(name)?;
        self.found.waiting.extend(cut(name, length, self.split_bytes));
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
