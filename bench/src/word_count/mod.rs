//! Counting the words of a file.
//!
//! Holds: every contender reads the file anew, takes the words between white space as they are, and counts them all.

mod by_hand;
mod data_stream;
mod rdd;
mod renoir;
mod text;

use std::hash::BuildHasher;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use millstream::{Failure, Result};

use crate::arguments::Setup;
use crate::figure::Unit;
use crate::goal::Goal;
use crate::process;
use crate::race::{Race, Run};
use crate::table::Row;
use crate::tally::Tally;

/// How often each word came.
type Counts = HashMap<String, u64>;

/// What is counted, and the seconds that took.
type Timed<R> = Result<(R, f64)>;

fn input(setup: &Setup) -> Result<PathBuf> {
    text::file(&setup.inputs, setup.size(500_000_000, 2_000_000))
}

fn seconds<R>((result, seconds): (R, f64)) -> Run<R> {
    Run::new(Unit::Seconds, seconds, result)
}

/// Each word's count, once, at the end.
pub(crate) fn batch(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let path = &*input(setup)?;
    let ahead = |times: f64, worker| [Goal::at_most(times, "loop"), Goal::at_most(1.0 / 6.0, worker)];
    let (one, two) = (ahead(1.1, "renoir, 1 worker"), ahead(0.6, "renoir, 2 workers"));
    Race::of(work)
        .enter("loop", [], || by_hand::count(path).map(seconds))
        .enter("renoir, 1 worker", [], || renoir::count(path, 1).map(seconds))
        .enter("renoir, 2 workers", [], || renoir::count(path, 2).map(seconds))
        .enter("Rdd, 1 worker", one, || rdd::count(path, 1).map(seconds))
        .enter("Rdd, 2 workers", two, || rdd::count(path, 2).map(seconds))
        .enter("DataStream, 1 worker", one, || data_stream::count(path, 1).map(seconds))
        .enter("DataStream, 2 workers", two, || data_stream::count(path, 2).map(seconds))
        .run(setup)
}

/// Each word's new count with each time it comes. The loop still counts only.
pub(crate) fn streaming(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let path = &*input(setup)?;
    Race::of(work)
        .enter("loop", [], || {
            let (counts, time) = by_hand::count(path)?;
            Ok(seconds((Tally::of(&counts), time)))
        })
        .enter("DataStream, 1 worker", [Goal::at_most(1.6, "loop")], || {
            data_stream::update(path, 1).map(seconds)
        })
        .enter("DataStream, 2 workers", [Goal::at_most(0.9, "loop")], || {
            data_stream::update(path, 2).map(seconds)
        })
        .run(setup)
}

/// The most memory that a process takes which does nothing else.
pub(crate) fn memory(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    input(setup)?;
    let bytes = |who: &str| {
        let process::Report { lines, peak_memory } = process::run(setup, &format!("word-count {who}"))?;
        Ok(Run::new(Unit::Bytes, peak_memory as f64, lines))
    };
    Race::of(work)
        .enter("loop", [], || bytes("loop"))
        .enter("renoir, 2 workers", [], || bytes("renoir"))
        .enter("Rdd, 2 workers", [], || bytes("rdd"))
        .enter("DataStream, 2 workers", [], || bytes("stream"))
        .run(setup)
}

/// One contender of [`memory`]. Says what it found in one line.
pub(crate) fn task(setup: &Setup, who: &str) -> Result<()> {
    let path: &Path = &input(setup)?;
    let (counts, _) = match who {
        "loop" => by_hand::count(path),
        "renoir" => renoir::count(path, 2),
        "rdd" => rdd::count(path, 2),
        "stream" => data_stream::count(path, 2),
        _ => Err(Failure::internal(format!("nobody named `{who}` counts words"))),
    }?;
    println!("{} words, sum of hashes {:x}", counts.len(), digest(&counts));
    Ok(())
}

/// A number that tells whether two processes counted the same.
fn digest(counts: &Counts) -> u64 {
    let hasher = std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default();
    let hash = |entry: (&String, &u64)| hasher.hash_one(entry);
    counts.iter().map(hash).fold(0, u64::wrapping_add)
}
