//! The jobs, and what their results are held to.
//!
//! Another kind of job joins by a program that takes the same arguments as `sufferer`, and a line in [`all`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a job's files say: a number for each name.
pub(crate) type Results = BTreeMap<String, Vec<u64>>;

/// The program of all jobs.
pub(crate) const SUFFERER: &str = env!("CARGO_BIN_EXE_sufferer");

/// Where something of a job lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    Folder,
    /// A small disk, which may be full.
    Disk,
    Store,
}

/// A kind of job.
pub(crate) trait Work: Sync {
    fn name(&self) -> &'static str;

    fn program(&self) -> PathBuf {
        PathBuf::from(SUFFERER)
    }

    /// What runs it in one process.
    fn alone(&self) -> Command {
        Command::new(self.program())
    }

    /// Where its files are, and its checkpoints.
    fn grounds(&self) -> (Ground, Ground);

    /// Its results, from the lines of its files.
    fn results(&self, lines: Results) -> Results {
        lines
    }

    /// Whether it has gone on since, in milliseconds since 1970, for all that is known of it and its folder.
    fn has_gone_on(&self, status: &Value, _folder: &Path, since: i64) -> bool {
        let whole = |checkpoint: &Value| {
            checkpoint["failure"].is_null() && checkpoint["begun"].as_i64().is_some_and(|begun| begun > since)
        };
        status["checkpoints"].as_array().is_some_and(|checkpoints| checkpoints.iter().any(whole))
    }

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
        let mut command = self.alone();
        command.arg(self.name()).arg(&folder).arg(within.join("undisturbed-checkpoints").join(self.name()));
        let status = command.args([records.to_string(), "1000000000".into()]).status().unwrap();
        assert!(status.success());
        let results = self.results(read(Command::new(SUFFERER), &folder.to_string_lossy()));
        assert!(!results.is_empty());
        results
    }
}

/// The interpreter that has the package, for the job in Python; the suite names one.
pub(crate) fn python() -> Option<String> {
    std::env::var("MILLSTREAM_CHAOS_PYTHON").ok()
}

/// One of each kind.
pub(crate) fn all() -> Vec<&'static dyn Work> {
    let mut all: Vec<&'static dyn Work> = vec![&Counts, &Windows, &AtLeastOnce, &Loops];
    if python().is_some() {
        all.push(&PythonCounts);
    }
    all
}

fn differ(expected: &[u64], found: &[u64]) -> Option<String> {
    (expected != found).then(|| format!("{} of {} are there", found.len(), expected.len()))
}

/// Counts by key: of each key each count once. All of it lies in the object store.
struct Counts;

impl Work for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn grounds(&self) -> (Ground, Ground) {
        (Ground::Store, Ground::Store)
    }
}

/// Windows of event time with records that come too late: each record is in its window or among the late ones, once. Which
/// of both is a matter of time.
struct Windows;

impl Work for Windows {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn grounds(&self) -> (Ground, Ground) {
        (Ground::Folder, Ground::Disk)
    }

    fn results(&self, lines: Results) -> Results {
        lines.into_iter().map(|(name, counts)| (name, vec![counts.iter().sum()])).collect()
    }
}

/// Counts of which some may be there twice, and none is missing.
struct AtLeastOnce;

impl Work for AtLeastOnce {
    fn name(&self) -> &'static str {
        "at-least-once"
    }

    fn grounds(&self) -> (Ground, Ground) {
        (Ground::Folder, Ground::Store)
    }

    fn results(&self, lines: Results) -> Results {
        // A record that is counted again makes a count of its own.
        lines.into_iter().map(|(name, counts)| (name, vec![counts.into_iter().max().unwrap_or(0)])).collect()
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

/// An Rdd program: rounds of two shuffles over what is cached, and one file in the end.
struct Loops;

impl Work for Loops {
    fn name(&self) -> &'static str {
        "loops"
    }

    fn grounds(&self) -> (Ground, Ground) {
        (Ground::Folder, Ground::Folder)
    }

    fn has_gone_on(&self, _status: &Value, folder: &Path, since: i64) -> bool {
        let progress = std::fs::read_to_string(folder.join("_progress")).unwrap_or_default();
        progress.parse::<i64>().is_ok_and(|round_ended| round_ended > since)
    }
}

/// The same as [`Counts`], in Python.
struct PythonCounts;

impl Work for PythonCounts {
    fn name(&self) -> &'static str {
        "python"
    }

    fn program(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/counts.py")
    }

    fn alone(&self) -> Command {
        let mut command = Command::new(python().unwrap());
        command.arg(self.program());
        command
    }

    fn grounds(&self) -> (Ground, Ground) {
        (Ground::Folder, Ground::Folder)
    }
}

/// `name number` of all finished files of a folder or location, by a command that is the reader and may reach it.
pub(crate) fn read(mut reader: Command, folder: &str) -> Results {
    let output = reader.args(["read", folder]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut results = Results::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (name, number) = line.split_once(' ').unwrap();
        results.entry(name.to_owned()).or_default().push(number.parse().unwrap());
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
