//! Writing the files in progress, and closing them.
//!
//! Holds: one file for each bucket; what `prepare` gives is on the disk, under its hidden name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{SinkWriter, WriterContext};
use millstream_model::error::{Failure, Result};
use millstream_model::id::CheckpointId;
use millstream_model::time::Timestamp;

use super::buckets::{BucketContext, Chooser, below};
use super::names::{failed, finished, hidden, keep_names, tidy};
use super::{Rolling, StagedFile};

/// How many files one subtask has open at most; beyond it the one that was idle longest is closed.
const MOST_OPEN: usize = 256;

pub(super) struct Writer<T> {
    folder: PathBuf,
    rolling: Rolling,
    buckets: Chooser<T>,
    context: WriterContext,
    counter: u64,
    /// By folder.
    open: BTreeMap<PathBuf, Open>,
    staged: Vec<StagedFile>,
    /// Folders with names that are not on the disk yet.
    changed: BTreeSet<PathBuf>,
}

/// A file in progress.
struct Open {
    file: BufWriter<File>,
    path: PathBuf,
    counter: u64,
    bytes: u64,
    begun: Timestamp,
    written: Timestamp,
}

impl<T> Writer<T> {
    pub(super) fn open(
        folder: PathBuf,
        rolling: Rolling,
        buckets: Chooser<T>,
        context: WriterContext,
    ) -> Result<Self> {
        fs::create_dir_all(&folder).map_err(|error| failed("make the folder", &folder, error))?;
        let counter = tidy(&folder, context.subtask)?;
        let changed = BTreeSet::from_iter(folder.parent().map(Path::to_path_buf));
        let (open, staged) = (BTreeMap::new(), Vec::new());
        Ok(Self { folder, rolling, buckets, context, counter, open, staged, changed })
    }

    fn begin(&mut self, folder: &Path, now: Timestamp) -> Result<Open> {
        if self.open.len() >= MOST_OPEN
            && let Some(idle) =
                self.open.iter().min_by_key(|(_, open)| open.written).map(|(folder, _)| folder.clone())
        {
            self.roll(&idle)?;
        }
        fs::create_dir_all(folder).map_err(|error| failed("make the folder", folder, error))?;
        let within = folder.ancestors().take_while(|above| above.starts_with(&self.folder));
        self.changed.extend(within.map(Path::to_path_buf));
        let path = folder.join(hidden(self.context.subtask.index, self.counter, "inprogress"));
        let file = File::create(&path).map_err(|error| failed("create", &path, error))?;
        let (counter, file) = (self.counter, BufWriter::with_capacity(64 << 10, file));
        self.counter += 1;
        Ok(Open { file, path, counter, bytes: 0, begun: now, written: now })
    }

    /// Adds text to the file in a folder.
    fn append(&mut self, folder: &Path, text: &str, now: Timestamp) -> Result<()> {
        let mut open = match self.open.remove(folder) {
            Some(open) => open,
            None => self.begin(folder, now)?,
        };
        open.file.write_all(text.as_bytes()).map_err(|error| failed("write to", &open.path, error))?;
        open.bytes += text.len() as u64;
        open.written = now;
        self.open.insert(folder.to_path_buf(), open);
        Ok(())
    }

    /// Closes the file in a folder; it waits for the next checkpoint.
    fn roll(&mut self, folder: &Path) -> Result<()> {
        let Some(mut open) = self.open.remove(folder) else { return Ok(()) };
        let subtask = self.context.subtask.index;
        let pending = folder.join(hidden(subtask, open.counter, "pending"));
        let closed = open.file.flush().and_then(|()| open.file.get_ref().sync_data());
        closed
            .and_then(|()| fs::rename(&open.path, &pending))
            .map_err(|error| failed("finish", &open.path, error))?;
        let text = |path: PathBuf| {
            path.into_os_string().into_string().map_err(|path| {
                Failure::user(format!("the name of `{}` is not UTF-8", PathBuf::from(path).display()))
            })
        };
        let finished = text(folder.join(finished(subtask, open.counter)))?;
        self.staged.push(StagedFile { pending: text(pending)?, finished });
        self.changed.insert(folder.to_path_buf());
        Ok(())
    }

    /// Closes the files that are due, and asks to be called when the next one is.
    fn roll_due(&mut self, now: Timestamp) -> Result<()> {
        let mut rolled = Vec::new();
        for (folder, open) in &self.open {
            let due = (open.begun + self.rolling.age).min(open.written + self.rolling.inactivity);
            if open.bytes >= self.rolling.bytes || now >= due {
                rolled.push(folder.clone());
            } else {
                self.context.wakeup.request(due);
            }
        }
        rolled.iter().try_for_each(|folder| self.roll(folder))
    }
}

impl<T: Display> Writer<T> {
    /// The lines of a batch, with the folder of each run of them.
    fn lines(&self, batch: &mut Batch<T>, now: Timestamp) -> Result<Vec<(String, String)>> {
        let mut runs = vec![(self.buckets.at(now), String::new())];
        let is_timed = batch.is_timed();
        let shown = |text: &mut String, record: &T| {
            writeln!(text, "{record}")
                .map_err(|error| Failure::user("a record cannot be shown as text").because(error))
        };
        if !self.buckets.is_by_record() {
            batch.drain().try_for_each(|record| shown(&mut runs[0].1, &record))?;
            return Ok(runs);
        }
        for (record, time) in batch.drain_timed() {
            let context = BucketContext { processing_time: now, event_time: is_timed.then_some(time) };
            let bucket = self.buckets.of_record(&record, &context);
            match runs.last_mut() {
                Some((last, text)) if *last == bucket => shown(text, &record)?,
                _ => {
                    let mut text = String::new();
                    shown(&mut text, &record)?;
                    runs.push((bucket, text));
                }
            }
        }
        Ok(runs)
    }
}

impl<T: Display> SinkWriter<T, StagedFile, ()> for Writer<T> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        let now = Timestamp::now();
        let runs = self.lines(batch, now)?;
        batch.clear();
        if !self.buckets.is_by_record() {
            // Time has gone on: the files of other buckets get no more.
            let current = below(&self.folder, &runs[0].0)?;
            let past: Vec<PathBuf> = self.open.keys().filter(|folder| **folder != current).cloned().collect();
            past.iter().try_for_each(|folder| self.roll(folder))?;
        }
        for (bucket, text) in runs.iter().filter(|(_, text)| !text.is_empty()) {
            self.append(&below(&self.folder, bucket)?, text, now)?;
        }
        self.roll_due(now)
    }

    fn on_time(&mut self, now: Timestamp) -> Result<()> {
        self.roll_due(now)
    }

    fn prepare(&mut self, _: CheckpointId) -> Result<Vec<StagedFile>> {
        let open: Vec<PathBuf> = self.open.keys().cloned().collect();
        open.iter().try_for_each(|folder| self.roll(folder))?;
        std::mem::take(&mut self.changed).iter().try_for_each(|folder| keep_names(folder))?;
        Ok(std::mem::take(&mut self.staged))
    }
}
