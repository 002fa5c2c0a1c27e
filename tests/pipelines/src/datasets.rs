//! A program of data sets that runs in one process or in several.
//!
//! Usage: `datasets WHICH FOLDER PARALLELISM`. What it found is written to `FOLDER/found`, by one process alone: its result in
//! the first line, its counters in the second. Where a test is to do something meanwhile, tasks wait until there is a file
//! `FOLDER/go`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use millstream::rdd::{Context, Rdd, Speculation};
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
    let mut context = Context::builder().parallelism(slots);
    if which == "straggles" {
        context = context.speculation(Speculation::default());
    }
    let context = context.build()?;
    let folder = PathBuf::from(folder);
    let found = match which.as_str() {
        "counts" => counts(&context)?,
        "loop" => looped(&context, &folder)?,
        "large" => large(&context)?,
        "saved" => saved(&context, &folder)?,
        "all" => all(&context)?,
        "added" => added(&context, &folder)?,
        "straggles" => straggles(&context, &folder)?,
        "panics" => panics(&context)?,
        "fails" => fails(&context)?,
        "differs" => differs(&context)?,
        "reads" => reads(&context)?,
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

/// Accumulators in an action, where half of the tasks wait for the test and one fails at first, and in a transformation that is
/// kept and one that is not; and a value that is another one in each process before it is told. What was added in
/// transformations that may be computed again comes last.
fn added(context: &Context, folder: &Path) -> Result<String> {
    let process = context.broadcast(std::process::id())?;
    let told = process.clone();
    let partitions = 12 + *process as usize % 5;
    let same = context.parallelize_in(0..60, partitions).filter(move |_| *told > 0).count()?;

    let (seen, odd) = (context.long_accumulator("seen")?, context.collection_accumulator::<i64>("odd")?);
    let (count, keep, folder) = (seen.clone(), odd.clone(), folder.to_path_buf());
    context.parallelize_in(0..1200, 12).for_each(move |n| {
        count.add(1);
        if n == 250 {
            let first = std::fs::File::create_new(folder.join("failed"));
            assert!(first.is_err(), "the first attempt fails");
        }
        if n % 100 == 50 && n > 600 {
            wait_for_go(&folder);
        }
        if n % 401 == 1 {
            keep.update(|odd| odd.push(n));
        }
    })?;
    // Whoever read another value here would come to another action.
    let counted = context.range(0, seen.value()?).count()?;

    let (mapped, kept) = (context.long_accumulator("mapped")?, context.long_accumulator("kept")?);
    let (more, once) = (mapped.clone(), kept.clone());
    let numbers = context.range(0, 50).map(move |n| {
        once.add(1);
        n
    });
    let numbers = numbers.cache();
    let pairs = numbers.map(move |n| {
        more.add(1);
        (n % 5, n)
    });
    pairs.count()?;
    let sums = pairs.reduce_by_key(|a, b| a + b);
    let sums = (sums.count()?, sums.count()?);
    let (odd, mapped, kept) = (sorted(odd.value()?), mapped.value()?, kept.value()?);
    Ok(format!("{same} {counted} {odd:?} {sums:?} of transformations: {mapped} {kept}"))
}

/// Lines of which one costs the first task that comes to it as long as the test wants, written to files.
fn straggles(context: &Context, folder: &Path) -> Result<String> {
    let (seen, output) = (context.long_accumulator("seen")?, folder.join("output"));
    let (count, place) = (seen.clone(), folder.to_path_buf());
    let lines = context.parallelize_in(0..800, 8).map(move |n| {
        count.add(1);
        if n == 555 && std::fs::File::create_new(place.join("slow")).is_ok() {
            wait_for_go(&place);
        }
        format!("line {n}")
    });
    lines.save_as_text_file(&output)?;
    let counted = seen.value()?;
    Ok(format!("{counted} {}", context.text_file(&output)?.count()?))
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

/// A task that reads what tasks add to.
fn reads(context: &Context) -> Result<String> {
    let sum = context.long_accumulator("sum")?;
    let read = context.range(0, 3).try_map(move |_| Ok(sum.value()?));
    Ok(read.count()?.to_string())
}

/// An action within a task.
fn inside(context: &Context) -> Result<String> {
    let other = context.range(0, 3);
    let nested = context.range(0, 3).try_map(move |n| Ok(other.count()? + n as u64));
    Ok(nested.count()?.to_string())
}
