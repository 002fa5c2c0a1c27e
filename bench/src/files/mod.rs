//! Reading files: the engine's source beside the loop that does the same with the same libraries, on one thread.
//!
//! Holds: every contender opens the file anew and counts what it read; the page cache is warm for all of them.

mod columns;

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millstream::batch::Batch;
use millstream::connectors::files::TextFiles;
use millstream::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream::source::{Promise, Source};
use millstream::{Failure, Record, Result, StreamEnvironment};

use crate::arguments::Setup;
use crate::figure::Unit;
use crate::goal::Goal;
use crate::race::{Race, Run, timed};
use crate::table::Row;

pub(crate) use columns::{csv, parquet};

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

fn lines(setup: &Setup) -> Result<PathBuf> {
    let count = setup.size(6_000_000, 20_000);
    setup.inputs.file(&format!("flights-{count}.csv"), |out| {
        writeln!(out, "day,carrier,plane,distance,delay")?;
        (0..count).try_for_each(|n| writeln!(out, "{}", row(n)))
    })
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
fn counted<S: Source>(source: S, weigh: fn(&[S::Record]) -> u64) -> Result<Run<u64>> {
    let env = StreamEnvironment::new();
    env.set_parallelism(1);
    let total = Arc::new(AtomicU64::new(0));
    env.source(source).sink_to(Weigh { total: total.clone(), weigh });
    let (_, seconds) = timed(|| env.execute("files"))?;
    Ok(Run::new(Unit::Seconds, seconds, total.load(Ordering::Relaxed)))
}

/// A sink that drops records and keeps what they come to.
struct Weigh<T> {
    total: Arc<AtomicU64>,
    weigh: fn(&[T]) -> u64,
}

impl<T: Record> Sink for Weigh<T> {
    type Record = T;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Weigh".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Self { total: self.total.clone(), weigh: self.weigh }))
    }
}

impl<T> SinkWriter<T, (), ()> for Weigh<T> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.total.fetch_add((self.weigh)(batch.records()), Ordering::Relaxed);
        batch.clear();
        Ok(())
    }
}

/// Counts line ends, in pieces of 64 KiB.
fn count_lines(mut input: impl Read) -> Result<u64> {
    let (mut buffer, mut count) = (vec![0; 64 << 10], 0);
    loop {
        match input.read(&mut buffer).map_err(failed)? {
            0 => return Ok(count),
            read => count += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64,
        }
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(failed)
}

/// Lines of text.
pub(crate) fn text(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let path = &*lines(setup)?;
    Race::of(work)
        .enter("counting line ends", [], || {
            let (count, seconds) = timed(|| count_lines(open(path)?))?;
            Ok(Run::new(Unit::Seconds, seconds, count))
        })
        .enter("DataStream, 1 worker", [Goal::at_most(1.0 / 0.8, "counting line ends")], || {
            counted(TextFiles::read(path.to_string_lossy()), |lines| lines.len() as u64)
        })
        .run(setup)
}

/// Lines behind gzip.
pub(crate) fn gzip(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let path = &*zipped(setup)?;
    Race::of(work)
        .enter("inflate, counting line ends", [], || {
            let open = || Ok(flate2::bufread::MultiGzDecoder::new(BufReader::new(open(path)?)));
            let (count, seconds) = timed(|| count_lines(open()?))?;
            Ok(Run::new(Unit::Seconds, seconds, count))
        })
        .enter("DataStream, 1 worker", [Goal::at_most(1.1, "inflate, counting line ends")], || {
            counted(TextFiles::read(path.to_string_lossy()), |lines| lines.len() as u64)
        })
        .run(setup)
}
