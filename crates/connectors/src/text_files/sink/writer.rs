//! Writing the file in progress, and closing it.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{SinkWriter, WriterContext};
use millstream_model::error::{Failure, Result};
use millstream_model::id::CheckpointId;
use millstream_model::time::Timestamp;

use super::names::{failed, finished, hidden, tidy};
use super::{Buckets, Rolling, StagedFile};

pub(super) struct Writer {
    folder: PathBuf,
    rolling: Rolling,
    buckets: Buckets,
    context: WriterContext,
    counter: u64,
    open: Option<Open>,
    staged: Vec<StagedFile>,
}

/// The file in progress.
struct Open {
    file: BufWriter<File>,
    folder: PathBuf,
    path: PathBuf,
    counter: u64,
    bytes: u64,
    begun: Timestamp,
    written: Timestamp,
}

impl Writer {
    pub(super) fn open(
        folder: PathBuf,
        rolling: Rolling,
        buckets: Buckets,
        context: WriterContext,
    ) -> Result<Self> {
        fs::create_dir_all(&folder).map_err(|error| failed("make the folder", &folder, error))?;
        let counter = tidy(&folder, context.subtask, 1)?;
        Ok(Self { folder, rolling, buckets, context, counter, open: None, staged: Vec::new() })
    }

    /// The folder for records of this time.
    fn bucket(&self, now: Timestamp) -> PathBuf {
        match self.buckets {
            Buckets::None => self.folder.clone(),
            Buckets::Hourly => {
                let shown = now.to_string(); // 2013-01-01T10:00:00.000Z
                let (day, time) = shown.split_once('T').unwrap_or((&shown, ""));
                self.folder.join(format!("{day}--{}", time.get(..2).unwrap_or_default()))
            }
        }
    }

    fn begin(&mut self, folder: PathBuf, now: Timestamp) -> Result<Open> {
        fs::create_dir_all(&folder).map_err(|error| failed("make the folder", &folder, error))?;
        let path = folder.join(hidden(self.context.subtask.index, self.counter, "inprogress"));
        let file = File::create(&path).map_err(|error| failed("create", &path, error))?;
        let (counter, file) = (self.counter, BufWriter::with_capacity(64 << 10, file));
        self.counter += 1;
        Ok(Open { file, folder, path, counter, bytes: 0, begun: now, written: now })
    }

    /// Closes the file in progress; it waits for the next checkpoint.
    fn roll(&mut self) -> Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let subtask = self.context.subtask.index;
        let pending = open.folder.join(hidden(subtask, open.counter, "pending"));
        let closed = open.file.flush().and_then(|()| open.file.get_ref().sync_data());
        closed
            .and_then(|()| fs::rename(&open.path, &pending))
            .map_err(|error| failed("finish", &open.path, error))?;
        let text = |path: PathBuf| {
            path.into_os_string().into_string().map_err(|path| {
                Failure::user(format!("the name of `{}` is not UTF-8", PathBuf::from(path).display()))
            })
        };
        let finished = text(open.folder.join(finished(subtask, open.counter)))?;
        self.staged.push(StagedFile { pending: text(pending)?, finished });
        Ok(())
    }

    /// Closes the file if it is due, or else asks to be called when it is.
    fn roll_if_due(&mut self, now: Timestamp) -> Result<()> {
        let Some(open) = &self.open else { return Ok(()) };
        let due = (open.begun + self.rolling.age).min(open.written + self.rolling.inactivity);
        if open.bytes >= self.rolling.bytes || now >= due {
            return self.roll();
        }
        self.context.wakeup.request(due);
        Ok(())
    }
}

impl<T: Display> SinkWriter<T, StagedFile, ()> for Writer {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        let now = Timestamp::now();
        let folder = self.bucket(now);
        if self.open.as_ref().is_some_and(|open| open.folder != folder) {
            self.roll()?;
        }
        let mut text = String::new();
        for record in batch.drain() {
            use std::fmt::Write as _;
            writeln!(text, "{record}")
                .map_err(|error| Failure::user("a record cannot be shown as text").because(error))?;
        }
        batch.clear();
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(folder, now)?,
        };
        open.file.write_all(text.as_bytes()).map_err(|error| failed("write to", &open.path, error))?;
        open.bytes += text.len() as u64;
        open.written = now;
        self.open = Some(open);
        self.roll_if_due(now)
    }

    fn on_time(&mut self, now: Timestamp) -> Result<()> {
        self.roll_if_due(now)
    }

    fn prepare(&mut self, _: CheckpointId) -> Result<Vec<StagedFile>> {
        self.roll()?;
        Ok(std::mem::take(&mut self.staged))
    }
}
