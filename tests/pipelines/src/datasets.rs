//! A program of data sets that runs in one process or in several.
//!
//! Usage: `datasets WHICH FOLDER PARALLELISM [ARGUMENT]`. What it found is written to `FOLDER/found`, by one process alone.
//! A process writes what it is to `FOLDER/at-MARK-PID` where a test waits for it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use millstream::rdd::Context;
use millstream::{Failure, Result};
use millstream_pipelines::ended;

fn main() -> ExitCode {
    ended(run())
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [which, folder, parallelism, rest @ ..] = &arguments[..] else {
        return Err(Failure::user("usage: datasets WHICH FOLDER PARALLELISM [ARGUMENT]"));
    };
    let number = |text: &str| text.parse().map_err(|_| Failure::user(format!("`{text}` is no number")));
    let context = Context::builder().parallelism(number(parallelism)?).build()?;
    let (folder, argument) = (PathBuf::from(folder), rest.first().map_or("", String::as_str));
    let found = match which.as_str() {
        "counts" => counts(&context)?,
        other => return Err(Failure::user(format!("there is no program `{other}`"))),
    };
    let _ = (argument, mark as fn(&Path, &str), Duration::ZERO);
    let counters = context.counters();
    context.once("what was found", || {
        let text = format!("{found}\n{counters:?}\n");
        std::fs::write(folder.join("found"), text)
            .map_err(|error| Failure::external("the result cannot be written").because(error))
    })
}

/// Tells a test that this process has come to something.
fn mark(folder: &Path, what: &str) {
    let _told = std::fs::write(folder.join(format!("at-{what}-{}", std::process::id())), "");
}

/// One shuffle, counted and collected.
fn counts(context: &Context) -> Result<String> {
    let counts = context.range(0, 10_000).map(|n| (n % 97, 1_u64)).reduce_by_key(|a, b| a + b);
    let mut all = counts.collect()?;
    all.sort_unstable();
    Ok(format!("{} {all:?}", counts.count()?))
}
