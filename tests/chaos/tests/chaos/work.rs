//! The jobs, and what their results are held to.
//!
//! Another kind of job joins by a program that takes the same arguments as `sufferer`, and a line in [`WORK`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a job's files say: a number for each name.
pub(crate) type Results = BTreeMap<String, Vec<u64>>;

/// A kind of job.
pub(crate) trait Work: Sync {
    fn name(&self) -> &'static str;

    fn program(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_BIN_EXE_sufferer"))
    }

    /// Its results, in a folder.
    fn results(&self, folder: &Path) -> Results;

    /// Whether results are as they should be.
    ///
    /// # Errors
    /// What is lost or doubled.
    fn compare(&self, expected: &Results, found: &Results) -> Result<(), String> {
        for (name, expected) in expected {
            let found = found.get(name).map(Vec::as_slice).unwrap_or_default();
            if let Some(what) = differ(expected, found) {
                return Err(format!("{}, {name}: {what}", self.name()));
            }
        }
        let more = found.keys().find(|name| !expected.contains_key(*name));
        more.map_or(Ok(()), |name| Err(format!("{}: {name} should not be there", self.name())))
    }

    /// Its results without any fault, in one process.
    fn undisturbed(&self, within: &Path, records: u64) -> Results {
        let folder = within.join(format!("undisturbed-{}", self.name()));
        let mut command = Command::new(self.program());
        command.arg(self.name()).arg(&folder).arg(folder.join("checkpoints"));
        let status = command.args([records.to_string(), "1000000000".into()]).status().unwrap();
        assert!(status.success());
        let results = self.results(&folder);
        assert!(!results.is_empty());
        results
    }
}

pub(crate) const WORK: [&dyn Work; 3] = [&Counts, &Windows, &AtLeastOnce];

fn differ(expected: &[u64], found: &[u64]) -> Option<String> {
    (expected != found).then(|| format!("{} of {} are there", found.len(), expected.len()))
}

/// Counts by key: of each key each count once.
struct Counts;

impl Work for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn results(&self, folder: &Path) -> Results {
        read(&folder.join("out"))
    }
}

/// Windows of event time with records that come too late: each record is in its window or among the late ones, once. Which
/// of both is a matter of time.
struct Windows;

impl Work for Windows {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn results(&self, folder: &Path) -> Results {
        let mut all = read(&folder.join("out"));
        for (name, late) in read(&folder.join("late")) {
            all.entry(name).or_default().extend(late);
        }
        all.into_iter().map(|(name, counts)| (name, vec![counts.iter().sum()])).collect()
    }
}

/// Counts of which some may be there twice, and none is missing.
struct AtLeastOnce;

impl Work for AtLeastOnce {
    fn name(&self) -> &'static str {
        "at-least-once"
    }

    fn results(&self, folder: &Path) -> Results {
        let all = read(&folder.join("out"));
        // A record that is counted again makes a count of its own.
        all.into_iter().map(|(name, counts)| (name, vec![counts.into_iter().max().unwrap_or(0)])).collect()
    }

    fn compare(&self, expected: &Results, found: &Results) -> Result<(), String> {
        for (name, expected) in expected {
            let found = found.get(name);
            if found.is_none_or(|found| found < expected) {
                return Err(format!("at-least-once, key {name}: {found:?} of {expected:?}"));
            }
        }
        Ok(())
    }
}

/// `name number` of all finished files.
fn read(folder: &Path) -> Results {
    let (mut results, mut folders) = (Results::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if !entry.file_name().to_string_lossy().starts_with(['.', '_']) {
                for line in std::fs::read_to_string(entry.path()).unwrap().lines() {
                    let (name, number) = line.split_once(' ').unwrap();
                    results.entry(name.to_owned()).or_default().push(number.parse().unwrap());
                }
            }
        }
    }
    results.values_mut().for_each(|numbers| numbers.sort_unstable());
    results
}

/// The checker itself: one that finds nothing proves nothing.
#[test]
fn what_is_lost_or_doubled_is_found() {
    let results = |numbers: &[u64]| Results::from([("a".to_owned(), numbers.to_vec())]);
    assert!(Counts.compare(&results(&[1, 2]), &results(&[1, 2])).is_ok());
    for wrong in [&[1][..], &[1, 2, 2], &[1, 3]] {
        assert!(Counts.compare(&results(&[1, 2]), &results(wrong)).is_err());
    }
    assert!(Counts.compare(&Results::new(), &results(&[1])).is_err());
    assert!(AtLeastOnce.compare(&results(&[5]), &results(&[6])).is_ok());
    assert!(AtLeastOnce.compare(&results(&[5]), &results(&[4])).is_err());
    assert!(AtLeastOnce.compare(&results(&[5]), &Results::new()).is_err());
}
