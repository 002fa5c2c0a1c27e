//! A program of data sets that runs in one process or in several.
//!
//! Usage: `datasets WHICH FOLDER PARALLELISM`. What it found is written to `FOLDER/found`, by one process alone: its result in
//! the first line, its counters in the second. Where a test is to do something meanwhile, tasks wait until there is a file
//! `FOLDER/go`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use millstream::rdd::{Context, Rdd};
use millstream::{Failure, Result};
use millstream_pipelines::ended;

fn main() -> ExitCode {
    ended(run())
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [which, folder, parallelism] = &arguments[..] else {
        return Err(Failure::user("usage: datasets WHICH FOLDER PARALLELISM"));
    };
    let slots = parallelism.parse().map_err(|_| Failure::user(format!("`{parallelism}` is no number")))?;
    let context = Context::builder().parallelism(slots).build()?;
    let folder = PathBuf::from(folder);
    let found = match which.as_str() {
        "counts" => counts(&context)?,
        "loop" => looped(&context, &folder)?,
        "large" => large(&context)?,
        "saved" => saved(&context, &folder)?,
        "all" => all(&context)?,
        "panics" => panics(&context)?,
        "fails" => fails(&context)?,
        "differs" => differs(&context)?,
        "thread" => on_a_thread(&context)?,
        "inside" => inside(&context)?,
        "twice" => Context::builder().parallelism(slots).build()?.range(0, 3).count()?.to_string(),
        other => return Err(Failure::user(format!("there is no program `{other}`"))),
    };
    let counters = context.counters();
    context.once("what was found", || write(&folder.join("found"), &format!("{found}\n{counters:?}\n")))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let failed = |error| Failure::external(format!("{} cannot be written", path.display())).because(error);
    std::fs::write(path, text).map_err(failed)
}

/// Waits for the test, having told it that somebody does.
fn wait_for_go(folder: &Path) {
    let _told = std::fs::write(folder.join(format!("waits-{}", std::process::id())), "");
    while !folder.join("go").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn sorted<T: Ord>(mut records: Vec<T>) -> Vec<T> {
    records.sort_unstable();
    records
}

/// One shuffle, counted and collected.
fn counts(context: &Context) -> Result<String> {
    let counts = context.range(0, 10_000).map(|n| (n % 97, 1_u64)).reduce_by_key(|a, b| a + b);
    Ok(format!("{:?} {}", sorted(counts.collect()?), counts.count()?))
}

/// Rounds of two shuffles over kept links and ranks, as PageRank has them. In the fifth round tasks wait for the test.
fn looped(context: &Context, folder: &Path) -> Result<String> {
    let edges = context.range(0, 3_000).map(|n| (n % 300, (n * 7 + n / 300) % 300));
    let links = edges.group_by_key().map(|(from, to)| (from, sorted(to))).cache();
    let mut ranks: Rdd<(i64, i64)> = links.map(|(from, _)| (from, 1_000_000));
    let mut sums = Vec::new();
    for round in 0..8 {
        let folder = folder.to_path_buf();
        let contributions = links.join(&ranks).flat_map(move |(_, (to, rank))| {
            if round == 5 {
                wait_for_go(&folder);
            }
            let share = rank / to.len() as i64;
            to.into_iter().map(|to| (to, share)).collect::<Vec<_>>()
        });
        ranks =
            contributions.reduce_by_key(|a, b| a + b).map(|(to, sum)| (to, 150_000 + sum * 85 / 100)).cache();
        sums.push(ranks.map(|(_, rank)| rank).reduce(|a, b| a + b)?);
    }
    Ok(format!("{sums:?} {:?}", sorted(ranks.collect()?)))
}

/// Results and blocks that are much longer than one frame.
fn large(context: &Context) -> Result<String> {
    let texts = context.range(0, 4_000).map(|n| (n % 13, format!("{n:01000}")));
    let all = texts.repartition(3).collect()?;
    let sorted = texts.map(|(_, text)| (text, ())).sort_by_key(false).collect()?;
    let bytes: usize = all.iter().map(|(_, text)| text.len()).sum();
    let is_sorted = sorted.windows(2).all(|pair| pair[0].0 > pair[1].0);
    Ok(format!("{bytes} {} {is_sorted}", sorted.len()))
}

/// Lines of files, written to files.
fn saved(context: &Context, folder: &Path) -> Result<String> {
    let lines = context.text_file(folder.join("input"))?;
    let output = folder.join("output");
    lines.map(|line| format!("{line}!")).save_as_text_file(&output)?;
    let again = lines.save_as_text_file(&output).err().map(|failure| failure.to_string());
    Ok(format!("{} {}", lines.count()?, again.is_some_and(|text| text.contains("already exists"))))
}

/// Every kind of action, and what needs a job of its own.
fn all(context: &Context) -> Result<String> {
    let numbers = context.range(0, 100);
    let empty = context.empty::<i64>();
    let numbered = numbers.filter(|n| n % 3 == 0).zip_with_index().collect()?;
    let word = context.parallelize(["to".to_string(), "be".into(), "or".into(), "not".into()]);
    Ok(format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {} {:?}",
        numbers.take(5)?,
        numbers.first()?,
        numbers.reduce(|a, b| a + b)?,
        numbers.fold(0, |a, b| a.max(b))?,
        word.aggregate(0, |sum, word| sum + word.len(), |a, b| a + b)?,
        numbered.last(),
        numbers.map(|n| n % 2).count_by_value()?.get(&1),
        empty.count()?,
        empty.first().err().map(|failure| failure.to_string()),
    ))
}

fn panics(context: &Context) -> Result<String> {
    let broken = context.range(0, 100).map(|n| {
        assert!(n != 60, "sixty is too much");
        n
    });
    Ok(broken.count()?.to_string())
}

fn fails(context: &Context) -> Result<String> {
    let broken = context
        .range(0, 100)
        .try_map(|n| if n == 60 { Err("sixty is not there".into()) } else { Ok((n % 3, n)) });
    Ok(broken.reduce_by_key(|a, b| a + b).count()?.to_string())
}

/// Another program in each process.
fn differs(context: &Context) -> Result<String> {
    let partitions = 1 + std::process::id() as usize;
    Ok(context.parallelize_in([1, 2, 3], partitions.min(1 << 20)).count()?.to_string())
}

fn on_a_thread(context: &Context) -> Result<String> {
    let numbers = context.range(0, 3);
    let counted = std::thread::spawn(move || numbers.count()).join();
    counted.unwrap_or_else(|_| Err(Failure::internal("it panicked"))).map(|count| count.to_string())
}

/// An action within a task.
fn inside(context: &Context) -> Result<String> {
    let other = context.range(0, 3);
    let nested = context.range(0, 3).try_map(move |n| Ok(other.count()? + n as u64));
    Ok(nested.count()?.to_string())
}
