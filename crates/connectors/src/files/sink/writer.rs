//! Writing the files in progress, and closing them.
//!
//! Holds: one file for each bucket; what `prepare` gives is on the disk, under its hidden name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{SinkWriter, WriterContext};
use millstream_formats::compression::{Compression, Compressor};
use millstream_formats::file::{FileEncoder, WriteFormat};
use millstream_model::error::{Failure, Result};
use millstream_model::id::CheckpointId;
use millstream_model::record::Record;
use millstream_model::time::Timestamp;
use millstream_storage::{Storage, Upload};

use super::buckets::{BucketContext, Chooser, below};
use super::names::{failed, finished, hidden, keep_names, tidy, within};
use super::{FileSink, Rolling, Staged, StagedFile};

/// How many files one subtask has open at most; beyond it the one that was idle longest is closed.
const MOST_OPEN: usize = 256;
/// The same where what is written waits in memory, up to 8 MiB for each file.
const MOST_IN_MEMORY: usize = 32;
/// How many bytes of records are made before they are written.
const PIECE: usize = 256 << 10;

pub(super) struct Writer<T, F: WriteFormat<T>> {
    place: Storage,
    format: F,
    compression: Compression,
    /// How names end, with the dots.
    ending: String,
    rolling: Rolling,
    buckets: Chooser<T>,
    joins: bool,
    marks: bool,
    context: WriterContext,
    counter: u64,
    /// By folder, from the place on.
    open: BTreeMap<String, Open<F::Encoder>>,
    staged: Vec<Staged>,
    /// Folders with names that are not on the disk yet.
    changed: BTreeSet<String>,
    ended: bool,
}

/// A file in progress.
struct Open<E> {
    upload: Upload,
    encoder: E,
    compressor: Compressor,
    /// Bytes of records that are not compressed yet.
    raw: Vec<u8>,
    /// Bytes that are not written yet.
    ready: Vec<u8>,
    head: u64,
    is_empty: bool,
    begun: Timestamp,
    written: Timestamp,
}

impl<E> Open<E> {
    fn add<T>(&mut self, record: T, compression: Compression) -> Result<()>
    where
        E: FileEncoder<T>,
    {
        if self.is_empty {
            self.is_empty = false;
            self.encoder.head(&record, &mut self.raw)?;
            if !self.raw.is_empty() {
                // A stream of its own, so that it can be left out where files are joined.
                self.compress()?;
                let compressor = std::mem::replace(&mut self.compressor, compression.writer());
                compressor.end(&mut self.ready).map_err(|error| uncompressed(&self.upload, error))?;
                self.head = self.ready.len() as u64;
            }
        }
        self.encoder.add(record, &mut self.raw)?;
        if self.raw.len() >= PIECE { self.hand_on() } else { Ok(()) }
    }

    fn compress(&mut self) -> Result<()> {
        let compressed = self.compressor.write(&mut self.raw, &mut self.ready);
        compressed.map_err(|error| uncompressed(&self.upload, error))
    }

    /// Writes what is complete.
    fn hand_on(&mut self) -> Result<()> {
        self.compress()?;
        let written = self.upload.write(&self.ready);
        written.map_err(|error| failed("write to", &self.upload.written_to(), error))?;
        self.ready.clear();
        Ok(())
    }
}

fn uncompressed(upload: &Upload, error: std::io::Error) -> Failure {
    Failure::internal(format!("what is written to `{}` cannot be compressed", upload.written_to()))
        .because(error)
}

impl<T: Record, F: WriteFormat<T>> Writer<T, F> {
    pub(super) fn open(sink: &FileSink<T, F>, context: WriterContext) -> Result<Self> {
        let buckets = Chooser::of(&sink.buckets)?;
        let cancelled = context.cancelled.clone();
        let place = sink.at.open()?.stopped_by(move || cancelled.wait(Duration::ZERO).is_err());
        place.make_folder().map_err(|error| failed("make the folder", place.name(), error))?;
        let counter = tidy(&place, context.subtask)?;
        Ok(Self {
            place,
            format: sink.format.clone(),
            compression: sink.compression,
            ending: format!(".{}{}", sink.format.ending(), sink.compression.ending()),
            rolling: sink.rolling,
            buckets,
            joins: sink.joining.is_some(),
            marks: sink.success,
            context,
            counter,
            open: BTreeMap::new(),
            staged: Vec::new(),
            changed: BTreeSet::from([String::new()]),
            ended: false,
        })
    }

    fn begin(&mut self, folder: &str, now: Timestamp) -> Result<Open<F::Encoder>> {
        let most = if self.place.folder().is_some() { MOST_OPEN } else { MOST_IN_MEMORY };
        if self.open.len() >= most
            && let Some(idle) =
                self.open.iter().min_by_key(|(_, open)| open.written).map(|(folder, _)| folder.clone())
        {
            self.roll(&idle)?;
        }
        let above = Path::new(folder).ancestors().filter_map(Path::to_str);
        self.changed.extend(above.map(str::to_owned));
        let file = finished(self.context.subtask.index, self.counter, &self.ending);
        let name = within(folder, &file);
        let upload = self.place.begin_upload(&name, &hidden(&file));
        let upload = upload.map_err(|error| failed("create", &self.place.full_name(&name), error))?;
        let upload = if self.joins { upload.to_be_read() } else { upload };
        let encoder = self.format.begin()?;
        self.counter += 1;
        let (raw, ready) = (Vec::new(), Vec::new());
        let compressor = self.compression.writer();
        Ok(Open {
            upload,
            encoder,
            compressor,
            raw,
            ready,
            head: 0,
            is_empty: true,
            begun: now,
            written: now,
        })
    }

    /// The file in a folder, taken out to be written to and put back.
    fn take(&mut self, folder: &str, now: Timestamp) -> Result<Open<F::Encoder>> {
        match self.open.remove(folder) {
            Some(open) => Ok(open),
            None => self.begin(folder, now),
        }
    }

    fn put_back(&mut self, folder: String, mut open: Open<F::Encoder>, now: Timestamp) -> Result<()> {
        open.hand_on()?;
        open.written = now;
        self.open.insert(folder, open);
        Ok(())
    }

    /// Closes the file in a folder; it waits for the next checkpoint.
    fn roll(&mut self, folder: &str) -> Result<()> {
        let Some(mut open) = self.open.remove(folder) else { return Ok(()) };
        open.encoder.end(&mut open.raw)?;
        open.hand_on()?;
        let ended = open.compressor.end(&mut open.ready);
        ended.map_err(|error| uncompressed(&open.upload, error))?;
        let name = open.upload.written_to();
        let written = open.upload.write(&open.ready);
        written.map_err(|error| failed("write to", &name, error))?;
        let upload = open.upload.finish().map_err(|error| failed("finish", &name, error))?;
        let place = self.place.name().to_owned();
        self.staged.push(Staged::File(StagedFile { place, upload, head: open.head }));
        self.changed.insert(folder.to_owned());
        Ok(())
    }

    /// Closes the files that are due, and asks to be called when the next one is.
    fn roll_due(&mut self, now: Timestamp) -> Result<()> {
        let mut rolled = Vec::new();
        for (folder, open) in &self.open {
            let due = (open.begun + self.rolling.age).min(open.written + self.rolling.inactivity);
            if open.upload.bytes() + open.encoder.held() >= self.rolling.bytes || now >= due {
                rolled.push(folder.clone());
            } else {
                self.context.wakeup.request(due);
            }
        }
        rolled.iter().try_for_each(|folder| self.roll(folder))
    }

    /// Writes a batch of which all records go to one folder.
    fn write_here(&mut self, batch: &mut Batch<T>, now: Timestamp) -> Result<()> {
        let current = below(&self.place, &self.buckets.at(now))?;
        // Time has gone on: the files of other buckets get no more.
        let past: Vec<String> = self.open.keys().filter(|folder| **folder != current).cloned().collect();
        past.iter().try_for_each(|folder| self.roll(folder))?;
        let mut open = self.take(&current, now)?;
        batch.drain().try_for_each(|record| open.add(record, self.compression))?;
        self.put_back(current, open, now)
    }

    /// Writes a batch whose records say where they go.
    fn write_each(&mut self, batch: &mut Batch<T>, now: Timestamp) -> Result<()> {
        let is_timed = batch.is_timed();
        let mut at: Option<(String, String, Open<F::Encoder>)> = None;
        for (record, time) in batch.drain_timed() {
            let context = BucketContext { processing_time: now, event_time: is_timed.then_some(time) };
            let bucket = self.buckets.of_record(&record, &context);
            let (bucket, folder, mut open) = match at.take() {
                Some(same) if same.0 == bucket => same,
                other => {
                    if let Some((_, folder, open)) = other {
                        self.put_back(folder, open, now)?;
                    }
                    let folder = below(&self.place, &bucket)?;
                    let open = self.take(&folder, now)?;
                    (bucket, folder, open)
                }
            };
            open.add(record, self.compression)?;
            at = Some((bucket, folder, open));
        }
        match at {
            Some((_, folder, open)) => self.put_back(folder, open, now),
            None => Ok(()),
        }
    }
}

impl<T: Record, F: WriteFormat<T>> SinkWriter<T, Staged, ()> for Writer<T, F> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        let now = Timestamp::now();
        if !batch.is_empty() {
            match self.buckets.is_by_record() {
                true => self.write_each(batch, now)?,
                false => self.write_here(batch, now)?,
            }
        }
        batch.clear();
        self.roll_due(now)
    }

    fn on_time(&mut self, now: Timestamp) -> Result<()> {
        self.roll_due(now)
    }

    fn prepare(&mut self, _: CheckpointId) -> Result<Vec<Staged>> {
        let open: Vec<String> = self.open.keys().cloned().collect();
        open.iter().try_for_each(|folder| self.roll(folder))?;
        std::mem::take(&mut self.changed).iter().try_for_each(|folder| keep_names(&self.place, folder))?;
        let mut staged = std::mem::take(&mut self.staged);
        if self.marks {
            let by_time = self.buckets.is_by_time().then(|| self.buckets.at(Timestamp::now()));
            let bucket = by_time.map(|bucket| below(&self.place, &bucket)).transpose()?;
            staged.push(Staged::Reached {
                place: self.place.name().to_owned(),
                subtask: self.context.subtask.index,
                of: self.context.subtask.of,
                bucket,
                ended: self.ended,
            });
        }
        Ok(staged)
    }

    fn on_end(&mut self) -> Result<()> {
        self.ended = true;
        Ok(())
    }
}
