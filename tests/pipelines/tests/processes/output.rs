//! What `victim` has to give, and what it gave.

use std::collections::BTreeMap;
use std::path::Path;

use millstream_testkit::cluster::Program;

/// The job that is killed, in a folder: so many records at so many a second.
pub(crate) fn victim(folder: &Path, records: u64, rate: u64, parallelism: u32) -> Program {
    Program::new(env!("CARGO_BIN_EXE_victim"))
        .arg(folder.join("checkpoints").display())
        .arg(folder.join("output").display())
        .arg(records)
        .arg(rate)
        .arg(parallelism)
}

/// Each line of all finished files, with how often it is there.
fn lines(folder: &Path) -> BTreeMap<String, u32> {
    let mut lines = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join("output")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        for line in std::fs::read_to_string(entry.path()).unwrap().lines() {
            *lines.entry(line.to_owned()).or_default() += 1;
        }
    }
    lines
}

/// Each key's every count from 1 up is there, once.
pub(crate) fn assert_exactly_once(folder: &Path, records: u64) {
    let mut counts = [0_u64; 97];
    let expected = (0..records).map(|n| {
        let key = (n % 97) as usize;
        counts[key] += 1;
        (format!("{key} {}", counts[key]), 1)
    });
    let (found, expected): (_, BTreeMap<String, u32>) = (lines(folder), expected.collect());
    let doubled: Vec<_> = found.iter().filter(|(_, count)| **count > 1).take(5).collect();
    let lost: Vec<_> = expected.keys().filter(|line| !found.contains_key(*line)).take(5).collect();
    assert!(doubled.is_empty() && lost.is_empty(), "doubled {doubled:?}, lost {lost:?}");
    assert_eq!(found.len(), expected.len());
}
