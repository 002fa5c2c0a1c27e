//! The job whose worker is killed: one value of about a hundred bytes for each of many keys.
//!
//! Holds: after the first record of each key the source is slow, so that what is measured is the restart and no backlog.

use std::path::{Path, PathBuf};
use std::time::Duration;

use millstream::batch::Batch;
use millstream::connectors::discard::Discard;
use millstream::connectors::generator::Generator;
use millstream::operator::{Operator, Output};
use millstream::{CheckpointSettings, Failure, RestoreFrom, Result, StreamEnvironment, Text};

use super::{PARALLELISM, now};
use crate::arguments::Setup;

/// The bytes of a value's text; with its key, twice, and its length it makes about a hundred.
pub(super) const VALUE: usize = 88;
/// Between what the job is told: a character that stands in no path.
const BETWEEN: &str = "\u{1f}";
/// Records between two pauses of a source that is slow.
const STRETCH: u64 = 64;

/// What the job is told.
pub(super) struct Shape {
    pub(super) checkpoints: PathBuf,
    /// Where first results are written down.
    pub(super) stamps: PathBuf,
    pub(super) keys: u64,
    pub(super) interval: Duration,
    pub(super) spares: u32,
}

impl Shape {
    /// As the argument of `--task`.
    pub(super) fn task(&self) -> String {
        let Self { checkpoints, stamps, keys, interval, spares } = self;
        let words = [
            checkpoints.display().to_string(),
            stamps.display().to_string(),
            keys.to_string(),
            interval.as_millis().to_string(),
            spares.to_string(),
        ];
        format!("recovery {}", words.join(BETWEEN))
    }
}

/// The program.
pub(crate) fn task(_: &Setup, shape: &str) -> Result<()> {
    let wrong = || Failure::internal(format!("`{shape}` does not say what job to run"));
    let [checkpoints, stamps, keys, interval, spares] =
        shape.split(BETWEEN).collect::<Vec<_>>().try_into().map_err(|_| wrong())?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    let (keys, interval) = (number(keys)?, Duration::from_millis(number(interval)?));
    let env = StreamEnvironment::new();
    env.set_parallelism(PARALLELISM as u32);
    env.set_spare_slots(u32::try_from(number(spares)?).map_err(|_| wrong())?);
    env.set_flush_interval(Duration::from_millis(1));
    env.enable_checkpoints(CheckpointSettings {
        interval,
        min_pause: interval / 2,
        retained: 1,
        restore: RestoreFrom::Latest,
        ..CheckpointSettings::in_folder(checkpoints)
    });
    let record = move |n: u64| {
        if n >= keys && n.is_multiple_of(STRETCH) {
            std::thread::sleep(Duration::from_millis(1));
        }
        (n % keys, Text::from(format!("{n:0VALUE$}")))
    };
    let stamps = PathBuf::from(stamps);
    env.source(Generator::new(record, None))
        .key_by(|record: &(u64, Text)| record.0)
        .reduce(|_, new| new)
        .operator("stamp", move || Stamp { folder: stamps.clone(), is_written: false })
        .sink_to(Discard::new());
    env.execute("recovery").map(drop)
}

/// Writes down, for each attempt of each of its subtasks, when the first result came.
struct Stamp {
    folder: PathBuf,
    is_written: bool,
}

impl Operator<(u64, Text), (u64, Text)> for Stamp {
    fn on_batch(&mut self, batch: &mut Batch<(u64, Text)>, output: &mut Output<(u64, Text)>) -> Result<()> {
        if !self.is_written {
            self.is_written = true;
            let first = First { process: std::process::id(), at: now()? };
            std::fs::write(self.folder.join(first.name()), "").map_err(|error| {
                Failure::external("the first result cannot be written down").because(error)
            })?;
        }
        batch.drain().for_each(|record| output.emit(record));
        Ok(())
    }
}

/// The first result of a subtask in an attempt: the name of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct First {
    pub(super) at: Duration,
    pub(super) process: u32,
}

impl First {
    fn name(self) -> String {
        format!("{}-{}", self.at.as_nanos(), self.process)
    }

    /// All that are written down, by time.
    pub(super) fn all(folder: &Path) -> Result<Vec<Self>> {
        let read = |name: &str| {
            let (at, process) = name.split_once('-')?;
            Some(Self { at: Duration::from_nanos(at.parse().ok()?), process: process.parse().ok()? })
        };
        let listed = std::fs::read_dir(folder).map_err(|error| {
            Failure::external(format!("the folder {} cannot be listed", folder.display())).because(error)
        })?;
        let mut all: Vec<Self> =
            listed.flatten().filter_map(|entry| read(entry.file_name().to_str()?)).collect();
        all.sort();
        Ok(all)
    }
}
