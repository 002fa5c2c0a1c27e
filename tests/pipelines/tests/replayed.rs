//! From TCP to files, exactly once from the socket on: through kills of the job and of the sender, nothing is lost that the
//! sender replays, and no record that came once is written twice. `MILLSTREAM_KILL_FACTOR` multiplies the kills.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is missing")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use millstream_testkit::kills::{Chance, Victim, kills};

const SEED: u64 = 20_261_124;
/// Records for each kill.
const EACH: u64 = 8_000;
/// Every so many kills it is the sender that is killed, and not the job.
const SENDER: u64 = 3;

/// A job, its sender, and where the files are.
struct Pair<'a> {
    job: &'static str,
    sender: &'static str,
    address: String,
    folder: &'a Path,
    records: u64,
}

impl<'a> Pair<'a> {
    fn new(job: &'static str, sender: &'static str, folder: &'a Path, records: u64) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { job, sender, address: format!("127.0.0.1:{port}"), folder, records }
    }

    fn job(&self, parallelism: u64) -> Victim {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fed"));
        command.args([self.job, &self.address]).arg(self.folder.join("output"));
        Victim::start(command.arg(self.folder.join("checkpoints")).arg(parallelism.to_string()))
    }

    fn sender(&self, pause: u64) -> Victim {
        let mut command = Command::new(env!("CARGO_BIN_EXE_feeder"));
        command.args([self.sender, &self.address]).arg(self.folder.join("output"));
        Victim::start(command.args([self.records.to_string(), pause.to_string()]))
    }

    /// The files that others see.
    fn names(&self) -> Vec<PathBuf> {
        let files =
            std::fs::read_dir(self.folder.join("output")).into_iter().flatten().map(|file| file.unwrap());
        let shown = files.filter(|file| !file.file_name().to_string_lossy().starts_with('.'));
        shown.map(|file| file.path()).collect()
    }

    /// Their lines.
    fn lines(&self) -> Vec<String> {
        let texts = self.names().into_iter().map(|file| std::fs::read_to_string(file).unwrap());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

/// The numbers of each connection, by its name and its first number; a record that is not whole fails.
fn by_connection(lines: &[String]) -> BTreeMap<(String, u64), BTreeMap<u64, u32>> {
    let mut found: BTreeMap<_, BTreeMap<u64, u32>> = BTreeMap::new();
    for line in lines {
        let parts: Vec<&str> = line.split(' ').collect();
        let [name, first, number, padding] = parts[..] else { panic!("`{line}` is no record") };
        let number: u64 = number.parse().unwrap();
        assert_eq!(padding, format!("{}.", "x".repeat((number * 7 % 23) as usize)), "`{line}` was cut");
        let numbers = found.entry((name.to_owned(), first.parse().unwrap())).or_default();
        *numbers.entry(number).or_default() += 1;
    }
    found
}

fn check(lines: &[String], records: u64) {
    let found = by_connection(lines);
    let all: BTreeSet<u64> = found.values().flat_map(|numbers| numbers.keys().copied()).collect();
    let lost: Vec<u64> = (0..records).filter(|number| !all.contains(number)).take(5).collect();
    assert!(lost.is_empty() && all.len() as u64 == records, "lost {lost:?} of {records}");
    assert_eq!(all.iter().sum::<u64>(), records * (records - 1) / 2);
    for ((name, first), numbers) in &found {
        let doubled: Vec<_> = numbers.iter().filter(|(_, count)| **count > 1).take(5).collect();
        assert!(doubled.is_empty(), "doubled of connection {name}: {doubled:?}");
        // What is lost with a process is the end of what a connection brought, and no hole in it.
        let (least, most) = (*numbers.keys().next().unwrap(), *numbers.keys().next_back().unwrap());
        let is_whole = least == *first && most - least + 1 == numbers.len() as u64;
        assert!(is_whole, "connection {name} from {first} has {} of {least}..={most}", numbers.len());
    }
}

fn survives(job: &'static str, sender: &'static str) {
    let folder = tempfile::tempdir().unwrap();
    let (kills, mut chance) = (kills(20), Chance::of(SEED));
    let pair = Pair::new(job, sender, folder.path(), kills * EACH);
    let (mut feeder, mut process) = (pair.sender(10), pair.job(1));
    for round in 0..kills {
        // Every other time it has come some way since, however slow the machine is.
        let (before, begun) = (pair.names().len(), Instant::now());
        while round % 2 == 0 && pair.names().len() <= before {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing came for a minute");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        chance.moment(Duration::from_millis(700));
        if round % SENDER == SENDER - 1 {
            feeder.kill();
            feeder = pair.sender(10);
        } else {
            process.kill();
            process = pair.job(1 + round % 3);
        }
    }
    assert!((pair.lines().len() as u64) < pair.records, "all was written before the last kill");
    feeder.kill();
    let (last, begun) = (pair.sender(0), Instant::now());
    let distinct = |lines: &[String]| -> usize {
        lines.iter().filter_map(|line| line.split(' ').nth(2)).collect::<BTreeSet<_>>().len()
    };
    while (distinct(&pair.lines()) as u64) < pair.records {
        assert!(begun.elapsed() < Duration::from_secs(120), "{} came", distinct(&pair.lines()));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    last.kill();
    process.kill();
    let lines = pair.lines();
    check(&lines, pair.records);
    let connections = by_connection(&lines).len() as u64;
    assert!(connections > kills / 8, "only {connections} connections brought something");
}

#[test]
fn nothing_that_a_server_replays_is_lost_and_nothing_that_came_once_is_written_twice() {
    survives("connect", "listen");
}

#[test]
fn nothing_that_clients_replay_is_lost_and_nothing_that_came_once_is_written_twice() {
    survives("listen", "connect");
}
