//! Writing the files in progress, and closing them.
//!
//! Holds: one file for each bucket; what `prepare` gives is on the disk, under its hidden name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::path::Path;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{SinkWriter, WriterContext};
use millstream_model::error::{Failure, Result};
use millstream_model::id::CheckpointId;
use millstream_model::time::Timestamp;
use millstream_storage::{Storage, Upload};

use super::buckets::{BucketContext, Chooser, below};
use super::names::{failed, finished, hidden, keep_names, tidy};
use super::{Rolling, StagedFile};

/// How many files one subtask has open at most; beyond it the one that was idle longest is closed.
const MOST_OPEN: usize = 256;
/// The same where what is written waits in memory, up to 8 MiB for each file.
const MOST_IN_MEMORY: usize = 32;

pub(super) struct Writer<T> {
    place: Storage,
    rolling: Rolling,
    buckets: Chooser<T>,
    context: WriterContext,
    counter: u64,
    /// By folder, from the place on.
    open: BTreeMap<String, Open>,
    staged: Vec<StagedFile>,
    /// Folders with names that are not on the disk yet.
    changed: BTreeSet<String>,
}

/// A file in progress.
struct Open {
    upload: Upload,
    begun: Timestamp,
    written: Timestamp,
}

impl<T> Writer<T> {
    pub(super) fn open(
        place: Storage,
        rolling: Rolling,
        buckets: Chooser<T>,
        context: WriterContext,
    ) -> Result<Self> {
        let cancelled = context.cancelled.clone();
        let place = place.stopped_by(move || cancelled.wait(Duration::ZERO).is_err());
        place.make_folder().map_err(|error| failed("make the folder", place.name(), error))?;
        let counter = tidy(&place, context.subtask)?;
        let (open, staged, changed) = (BTreeMap::new(), Vec::new(), BTreeSet::from([String::new()]));
        Ok(Self { place, rolling, buckets, context, counter, open, staged, changed })
    }

    fn begin(&mut self, folder: &str, now: Timestamp) -> Result<Open> {
        let most = if self.place.folder().is_some() { MOST_OPEN } else { MOST_IN_MEMORY };
        if self.open.len() >= most
            && let Some(idle) =
                self.open.iter().min_by_key(|(_, open)| open.written).map(|(folder, _)| folder.clone())
        {
            self.roll(&idle)?;
        }
        let within = Path::new(folder).ancestors().filter_map(Path::to_str);
        self.changed.extend(within.map(str::to_owned));
        let (subtask, counter) = (self.context.subtask.index, self.counter);
        let name = match folder {
            "" => finished(subtask, counter),
            folder => format!("{folder}/{}", finished(subtask, counter)),
        };
        let upload = self.place.begin_upload(&name, &hidden(subtask, counter));
        let upload = upload.map_err(|error| failed("create", &self.place.full_name(&name), error))?;
        self.counter += 1;
        Ok(Open { upload, begun: now, written: now })
    }

    /// Adds text to the file in a folder.
    fn append(&mut self, folder: &str, text: &str, now: Timestamp) -> Result<()> {
        let mut open = match self.open.remove(folder) {
            Some(open) => open,
            None => self.begin(folder, now)?,
        };
        let written = open.upload.write(text.as_bytes());
        written.map_err(|error| failed("write to", &self.place.full_name(open.upload.name()), error))?;
        open.written = now;
        self.open.insert(folder.to_owned(), open);
        Ok(())
    }

    /// Closes the file in a folder; it waits for the next checkpoint.
    fn roll(&mut self, folder: &str) -> Result<()> {
        let Some(open) = self.open.remove(folder) else { return Ok(()) };
        let name = self.place.full_name(open.upload.name());
        let upload = open.upload.finish().map_err(|error| failed("finish", &name, error))?;
        self.staged.push(StagedFile { place: self.place.name().to_owned(), upload });
        self.changed.insert(folder.to_owned());
        Ok(())
    }

    /// Closes the files that are due, and asks to be called when the next one is.
    fn roll_due(&mut self, now: Timestamp) -> Result<()> {
        let mut rolled = Vec::new();
        for (folder, open) in &self.open {
            let due = (open.begun + self.rolling.age).min(open.written + self.rolling.inactivity);
            if open.upload.bytes() >= self.rolling.bytes || now >= due {
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
            let current = below(&self.place, &runs[0].0)?;
            let past: Vec<String> = self.open.keys().filter(|folder| **folder != current).cloned().collect();
            past.iter().try_for_each(|folder| self.roll(folder))?;
        }
        for (bucket, text) in runs.iter().filter(|(_, text)| !text.is_empty()) {
            self.append(&below(&self.place, bucket)?, text, now)?;
        }
        self.roll_due(now)
    }

    fn on_time(&mut self, now: Timestamp) -> Result<()> {
        self.roll_due(now)
    }

    fn prepare(&mut self, _: CheckpointId) -> Result<Vec<StagedFile>> {
        let open: Vec<String> = self.open.keys().cloned().collect();
        open.iter().try_for_each(|folder| self.roll(folder))?;
        std::mem::take(&mut self.changed).iter().try_for_each(|folder| keep_names(&self.place, folder))?;
        Ok(std::mem::take(&mut self.staged))
    }
}
