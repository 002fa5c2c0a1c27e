//! A source of one's own: fixed-length records in the files of a folder.
//!
//! Holds: exactly once. A split is a file with the place of the next record in it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use millstream::batch::{Batch, Origin};
use millstream::source::{
    Boundedness, NextSplit, Polled, Promise, Source, SourceOutput, SourceReader, Split, SplitEnumerator,
};
use millstream::state::encoding::{from_bytes, to_bytes};
use millstream::{Failure, Result, Subtask, Unit};
use serde::{Deserialize, Serialize};

/// What a sensor measured: eight bytes of a file, two numbers with the lowest byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub(crate) sensor: u32,
    pub(crate) celsius: i32,
}

const LENGTH: u64 = 8;
/// How many readings are emitted at once.
const AT_ONCE: u64 = 1000;

/// The readings in the files `*.readings` of a folder.
#[derive(Clone, Debug)]
pub(crate) struct Readings {
    folder: PathBuf,
}

impl Readings {
    pub(crate) fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

/// A file, read up to its `next` reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadingsFile {
    pub(crate) path: PathBuf,
    pub(crate) next: u64,
}

impl Split for ReadingsFile {
    fn id(&self) -> String {
        self.path.display().to_string()
    }
}

impl Source for Readings {
    type Record = Reading;
    type Split = ReadingsFile;

    fn name(&self) -> String {
        "Readings".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<ReadingsFile>>> {
        let waiting = match restored {
            // Files that came since belong to the next run of the job.
            Some(bytes) => from_bytes(&bytes)
                .map_err(|error| Failure::user("the checkpoint is none of this source").because(error))?,
            None => self.files()?,
        };
        Ok(Box::new(Files { waiting }))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<Reading, ReadingsFile>>> {
        Ok(Box::new(FileReader { open: None, batch: Batch::default() }))
    }
}

impl Readings {
    fn files(&self) -> Result<Vec<ReadingsFile>> {
        let failed = |error| {
            Failure::user(format!("the folder of readings {} cannot be read", self.folder.display()))
                .because(error)
                .advice("give a folder with files `*.readings`")
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "readings") {
                files.push(ReadingsFile { path, next: 0 });
            }
        }
        files.sort_by(|one, other| other.path.cmp(&one.path));
        Ok(files)
    }
}

/// Hands out files; lives once, beside the job's coordinator.
struct Files {
    waiting: Vec<ReadingsFile>,
}

impl SplitEnumerator<ReadingsFile> for Files {
    fn next_split(&mut self, _: Subtask) -> Result<NextSplit<ReadingsFile>> {
        Ok(self.waiting.pop().map_or(NextSplit::NoMore, NextSplit::Split))
    }

    fn add_back(&mut self, splits: Vec<ReadingsFile>) {
        self.waiting.extend(splits);
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        to_bytes(&self.waiting).map_err(|error| Failure::internal("files cannot be encoded").because(error))
    }
}

/// Reads one file after the other; lives in a subtask.
struct FileReader {
    open: Option<(ReadingsFile, File, u64)>,
    batch: Batch<Reading>,
}

impl SourceReader<Reading, ReadingsFile> for FileReader {
    fn add_split(&mut self, split: ReadingsFile) -> Result<()> {
        let failed = |error: std::io::Error| {
            Failure::external(format!("{} cannot be read", split.path.display())).because(error)
        };
        let mut file = File::open(&split.path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if bytes % LENGTH != 0 {
            return Err(Failure::user(format!("{} ends within a reading", split.path.display()))
                .because(format!("it has {bytes} bytes, which is no multiple of {LENGTH}"))
                .advice("wait until the file is written, then rename it to `*.readings`"));
        }
        file.seek(SeekFrom::Start(split.next * LENGTH)).map_err(failed)?;
        self.open = Some((split, file, bytes / LENGTH));
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, Reading>, _: Duration) -> Result<Polled> {
        let Some((split, file, end)) = &mut self.open else { return Ok(Polled::NeedSplit) };
        let count = AT_ONCE.min(end.saturating_sub(split.next));
        if count == 0 {
            self.open = None;
            return Ok(Polled::NeedSplit);
        }
        let place = Origin::new(split.id().into(), Unit::Record, split.next + 1, count as usize);
        for _ in 0..count {
            let mut bytes = [0; LENGTH as usize];
            file.read_exact(&mut bytes).map_err(|error| {
                Failure::external("a reading cannot be read").because(error).at(place.position(0))
            })?;
            let [a, b, c, d, e, f, g, h] = bytes;
            let (sensor, celsius) = (u32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h]));
            self.batch.push(Reading { sensor, celsius });
        }
        self.batch.set_origin(Some(place));
        // The position is behind what is emitted before this poll returns: a checkpoint may follow at once.
        split.next += count;
        output.emit(&mut self.batch)?;
        Ok(Polled::More)
    }

    fn snapshot(&mut self) -> Vec<ReadingsFile> {
        self.open.iter().map(|(split, ..)| split.clone()).collect()
    }
}
