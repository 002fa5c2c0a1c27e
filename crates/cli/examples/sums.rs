//! The program of data sets that the tests of the cluster's commands run: kept numbers, added up by key twice, into files.
//!
//! Usage: `sums FOLDER`. Once `FOLDER/wait` is there, tasks of the second sum wait for `FOLDER/go`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use millstream::rdd::Context;
use millstream::{Failure, Result};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        return Err(Failure::user("usage: sums FOLDER"));
    };
    let (folder, waits) = (PathBuf::from(folder), PathBuf::from(folder));
    let context = Context::builder().parallelism(2).build()?;
    let numbers = context.range(0, 10_000).map(|n| (n % 97, n)).cache();
    let first = numbers.reduce_by_key(|a, b| a + b).map(|(_, sum)| sum).reduce(|a, b| a + b)?;
    let sums = numbers.map_partitions(move |numbers| {
        wait(&waits);
        numbers
    });
    let lines = sums.reduce_by_key(|a, b| a + b).map(move |(key, sum)| format!("{key} {sum} {first}"));
    lines.save_as_text_file(folder.join("out"))
}

fn wait(folder: &Path) {
    while folder.join("wait").exists() && !folder.join("go").exists() {
        let _told = std::fs::write(folder.join(format!("waits-{}", std::process::id())), "");
        std::thread::sleep(Duration::from_millis(10));
    }
}
