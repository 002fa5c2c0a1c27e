//! Jobs that are brought into trouble: a folder that is in use, wrong settings, a full disk.
//!
//! Usage: `cornered [SETTINGS] -- wait`, a job without an end; `cornered -- read FILE`; `cornered [SETTINGS] -- stream DISK OUTPUT` and `cornered --
//! spill DISK`, which fill DISK but for a bit of room, run until that is used up, say what happened, make room, go on, and
//! compare what they find in the end with what is right.

#![allow(clippy::print_stdout, reason = "what it finds is for the test that runs it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use millstream::connectors::discard::Discard;
use millstream::connectors::files::TextFiles;
use millstream::connectors::files::sink::TextFilesSink;
use millstream::connectors::generator::Generator;
use millstream::rdd::Context;
use millstream::{Failure, JobHandle, JobStatus, RestoreFrom, Result, StreamEnvironment};
use millstream_pipelines::ended;

const RECORDS: u64 = 300_000;
const KEYS: u64 = RECORDS / 2;
const ROOM: u64 = 1 << 20;

fn main() -> ExitCode {
    ended(run())
}

fn run() -> Result<()> {
    let env = StreamEnvironment::from_args()?;
    let arguments: Vec<&str> = env.arguments().iter().map(String::as_str).collect();
    match arguments[..] {
        ["wait"] => {
            env.source(Generator::new(|n| n, None).rate(100.0)).sink_to(Discard::new());
            env.execute("wait").map(drop)
        }
        ["read", path] => {
            env.source(TextFiles::read(path)).uid("lines").sink_to(Discard::new());
            env.execute("read").map(drop)
        }
        ["stream", disk, output] => stream(Path::new(disk), Path::new(output)),
        ["spill", disk] => spill(Path::new(disk)),
        _ => Err(Failure::user(
            "usage: cornered [SETTINGS] -- wait | read FILE | stream DISK OUTPUT | spill DISK",
        )),
    }
}

/// Takes all room of a disk but for a bit.
fn fill(disk: &Path) -> Result<PathBuf> {
    let path = disk.join("ballast");
    let chunk = vec![1; 1 << 16];
    let filled = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&path)?;
        while let Ok(()) = std::io::Write::write_all(&mut file, &chunk) {}
        let length = file.metadata()?.len();
        file.set_len(length.saturating_sub(ROOM))
    };
    filled().map_err(|error| Failure::external("the disk cannot be filled").because(error))?;
    Ok(path)
}

fn make_room(ballast: &Path) -> Result<()> {
    std::fs::remove_file(ballast)
        .map_err(|error| Failure::external("the ballast cannot be removed").because(error))
}

fn start(output: &Path, from: RestoreFrom) -> Result<JobHandle> {
    let env = StreamEnvironment::from_args()?;
    env.restore(from);
    env.source(Generator::new(|n| n, Some(RECORDS)).rate(200_000.0))
        .key_by(|n| n % KEYS)
        .count()
        .uid("count")
        .map(|(key, count)| format!("{key} {count}"))
        .sink_to(TextFilesSink::below(output))
        .uid("files");
    env.start("cornered")
}

fn stream(disk: &Path, output: &Path) -> Result<()> {
    let ballast = fill(disk)?;
    let job = start(output, RestoreFrom::Nothing)?;
    while job.status() == JobStatus::Running {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    println!("status: {:?}", job.status());
    let before = lines(output)?;
    println!(
        "committed some: {}, each once: {}",
        !before.is_empty(),
        before.values().all(|count| *count == 1)
    );
    if job.status() == JobStatus::Failed {
        match job.wait() {
            Ok(_) => println!("message: none"),
            Err(failure) => println!("message: {failure}"),
        }
        make_room(&ballast)?;
        start(output, RestoreFrom::Latest)?.wait()?;
    } else {
        make_room(&ballast)?;
        job.wait()?;
    }
    let after = lines(output)?;
    let right = (0..KEYS).flat_map(|key| [format!("{key} 1"), format!("{key} 2")]);
    let lost = right.filter(|line| !after.contains_key(line)).count();
    println!("lost: {lost}, doubled: {}", after.values().filter(|count| **count > 1).count());
    println!("kept: {}", before.keys().all(|line| after.contains_key(line)));
    Ok(())
}

/// Each line of all finished files, with how often it is there.
fn lines(folder: &Path) -> Result<BTreeMap<String, u32>> {
    let read = || -> std::io::Result<BTreeMap<String, u32>> {
        let mut lines = BTreeMap::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                for line in std::fs::read_to_string(entry.path())?.lines() {
                    *lines.entry(line.to_owned()).or_default() += 1;
                }
            }
        }
        Ok(lines)
    };
    read().map_err(|error| Failure::external("the output cannot be read").because(error))
}

fn spill(disk: &Path) -> Result<()> {
    let ballast = fill(disk)?;
    // Temporary files are on the disk: the test has set the folder for them.
    let context = Context::builder().parallelism(2).shuffle_memory(1_000).build()?;
    let grouped = context.range(0, RECORDS as i64).map(|n| (n as u64 % KEYS, n as u64)).group_by_key();
    match grouped.count() {
        Ok(_) => println!("message: none"),
        Err(failure) => println!("message: {failure}"),
    }
    make_room(&ballast)?;
    let right = grouped.filter(|(key, values)| {
        let mut values: Vec<u64> = values.to_vec();
        values.sort_unstable();
        values == [*key, *key + KEYS]
    });
    println!("right: {} of {KEYS}", right.count()?);
    Ok(())
}
