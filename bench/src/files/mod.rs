//! Reading and writing files: the engine's source and sink beside the loop that does the same with the same libraries.
//!
//! Holds: every contender opens the file anew and tells what it read, in records and in what they add up to; the page cache is
//! warm for all of them.

mod columns;
#[cfg(feature = "hdfs")]
pub(crate) mod hdfs;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millstream::batch::Batch;
use millstream::connectors::files::TextFiles;
use millstream::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream::source::{Promise, Source};
use millstream::state::StateData;
use millstream::{Failure, Record, Result, StreamEnvironment, Text};

use crate::arguments::Setup;
use crate::figure::Unit;
use crate::goal::Goal;
use crate::race::{Race, Run, timed};
use crate::table::Row;

pub(crate) use columns::{csv, parquet};

/// What was read: how many records, and what shows that they are the same ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weight {
    records: u64,
    sum: u64,
}

impl std::iter::Sum for Weight {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            records: sum.records + one.records,
            sum: sum.sum + one.sum,
        })
    }
}

fn failed(error: impl Into<millstream::BoxError>) -> Failure {
    Failure::external("the input cannot be read").because(error)
}

/// A row of a flight, from a number.
fn row(n: usize) -> String {
    let carrier = ["AA", "B6", "DL", "EV", "UA", "US", "WN"][n * 31 % 7];
    format!(
        "2013-{:02}-{:02},{carrier},N{:05},{},{}.5",
        n % 12 + 1,
        n % 28 + 1,
        n * 7919 % 99_991,
        n * 37 % 500,
        n * 13 % 90
    )
}

/// 17 million rows are a little more than 500 MB.
fn rows(setup: &Setup, full: usize) -> Result<PathBuf> {
    let count = setup.size(full, 20_000);
    setup.inputs.file(&format!("flights-{count}.csv"), |out| {
        writeln!(out, "day,carrier,plane,distance,delay")?;
        (0..count).try_for_each(|n| writeln!(out, "{}", row(n)))
    })
}

fn lines(setup: &Setup) -> Result<PathBuf> {
    rows(setup, 6_000_000)
}

fn zipped(setup: &Setup) -> Result<PathBuf> {
    let (from, count) = (lines(setup)?, setup.size(6_000_000, 20_000));
    setup.inputs.file(&format!("flights-{count}.csv.gz"), |out| {
        let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
        std::io::copy(&mut File::open(&from)?, &mut encoder)?;
        encoder.finish().map(drop)
    })
}

/// What a job's records come to, as `weigh` weighs a batch of them, and the seconds that took.
fn counted<S>(source: S, weigh: fn(&[S::Record]) -> Weight) -> Result<Run<Weight>>
where
    S: Source,
    S::Record: StateData,
{
    let env = StreamEnvironment::new();
    env.set_parallelism(1);
    let scale = Scale { records: Arc::default(), sum: Arc::default(), weigh };
    env.source(source).sink_to(scale.clone());
    let (_, seconds) = timed(|| env.execute("files"))?;
    let weight =
        Weight { records: scale.records.load(Ordering::Relaxed), sum: scale.sum.load(Ordering::Relaxed) };
    Ok(Run::new(Unit::Seconds, seconds, weight))
}

/// A sink that drops records and keeps what they come to.
struct Scale<T> {
    records: Arc<AtomicU64>,
    sum: Arc<AtomicU64>,
    weigh: fn(&[T]) -> Weight,
}

impl<T> Clone for Scale<T> {
    fn clone(&self) -> Self {
        Self { records: self.records.clone(), sum: self.sum.clone(), weigh: self.weigh }
    }
}

impl<T: Record> Sink for Scale<T> {
    type Record = T;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Scale".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(self.clone()))
    }
}

impl<T> SinkWriter<T, (), ()> for Scale<T> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        let weight = (self.weigh)(batch.records());
        self.records.fetch_add(weight.records, Ordering::Relaxed);
        self.sum.fetch_add(weight.sum, Ordering::Relaxed);
        batch.clear();
        Ok(())
    }
}

/// Lines, and their bytes with the ends.
fn weigh_lines(lines: &[Text]) -> Weight {
    Weight {
        records: lines.len() as u64,
        sum: lines.iter().map(|line| line.as_bytes().len() as u64 + 1).sum(),
    }
}

/// Counts line ends and bytes, in pieces of 64 KiB.
fn count_ends(mut input: impl Read) -> Result<Weight> {
    let (mut buffer, mut weight) = (vec![0; 64 << 10], Weight::default());
    loop {
        match input.read(&mut buffer).map_err(failed)? {
            0 => return Ok(weight),
            read => {
                weight.records += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64;
                weight.sum += read as u64;
            }
        }
    }
}

/// Reads each line into the same string.
fn read_lines(mut input: impl BufRead) -> Result<Weight> {
    let (mut line, mut weight) = (String::new(), Weight::default());
    while input.read_line(&mut line).map_err(failed)? > 0 {
        weight.records += 1;
        weight.sum += line.len() as u64;
        line.clear();
    }
    Ok(weight)
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(failed)
}

fn seconds<R>(work: impl FnOnce() -> Result<R>) -> Result<Run<R>> {
    let (found, seconds) = timed(work)?;
    Ok(Run::new(Unit::Seconds, seconds, found))
}

/// Lines of text.
pub(crate) fn text(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    const ENDS: &str = "counting line ends (wc -l)";
    const LINES: &str = "BufRead::read_line";
    let path = &*lines(setup)?;
    Race::of(work)
        .enter(ENDS, [], || seconds(|| count_ends(open(path)?)))
        .enter(LINES, [], || seconds(|| read_lines(BufReader::with_capacity(64 << 10, open(path)?))))
        .enter(
            "DataStream, 1 worker",
            [Goal::at_most(1.0 / 0.8, ENDS), Goal::at_most(1.0 / 0.8, LINES)],
            || counted(TextFiles::read(path.to_string_lossy()), weigh_lines),
        )
        .run(setup)
}

/// Lines behind gzip.
pub(crate) fn gzip(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    const PLAIN: &str = "inflate, counting line ends";
    let path = &*zipped(setup)?;
    let inflated = || Ok::<_, Failure>(flate2::bufread::MultiGzDecoder::new(BufReader::new(open(path)?)));
    Race::of(work)
        .enter(PLAIN, [], || seconds(|| count_ends(inflated()?)))
        .enter("DataStream, 1 worker", [Goal::at_most(1.1, PLAIN)], || {
            counted(TextFiles::read(path.to_string_lossy()), weigh_lines)
        })
        .run(setup)
}
