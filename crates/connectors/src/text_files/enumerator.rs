//! Splitting the files found, now and while the job runs.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use millstream_dataflow::source::{NextSplit, SplitEnumerator};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_formats::compression::Compression;
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use serde::{Deserialize, Serialize};

use super::FileSplit;
use super::find::{files, nothing_found, unreadable};

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
            let name = file.to_str().map(str::to_owned).ok_or_else(|| {
                Failure::user(format!("the name of `{}` is not UTF-8", file.display())).advice("rename it")
            })?;
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
        let length =
            File::open(name).and_then(|file| file.metadata()).map_err(|e| unreadable(name, e))?.len();
        if Compression::of(Path::new(name)) != Compression::Plain {
            self.found.waiting.push_back(FileSplit::new(name.to_owned(), 0, None));
            return Ok(());
        }
        let mut start = 0;
        while start < length {
            let end = length.min(start.saturating_add(self.split_bytes));
            self.found.waiting.push_back(FileSplit::new(name.to_owned(), start, Some(end)));
            start = end;
        }
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
