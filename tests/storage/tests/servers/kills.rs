//! Jobs from files to files whose processes and servers are killed, again and again, write what undisturbed ones write.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream_storage_tests::fact;

use crate::independent::{lines_hdfs, lines_s3, names_s3, put_s3};
use crate::own_hdfs::OwnHdfs;
use crate::own_s3::OwnS3;
use crate::places;

/// How often something is killed in each proof: our process, or a server under it; `MILLSTREAM_KILL_FACTOR=10` for the long form.
fn kills() -> u64 {
    millstream_testkit::kills::kills(20)
}

/// Every so many kills it is a server that is killed, and not our process.
const SERVER: u64 = 4;

const SEED: u64 = 20_261_123;

struct Job {
    arguments: [String; 3],
    server: String,
    seed: u64,
    killed: u64,
}

impl Job {
    fn new(input: &str, output: &str, checkpoints: &str, server: &str) -> Self {
        let arguments = [input, output, checkpoints].map(str::to_owned);
        Self { arguments, server: server.to_owned(), seed: SEED, killed: 0 }
    }

    fn start(&self) -> Child {
        let mut copier = Command::new(env!("CARGO_BIN_EXE_copier"));
        copier.args(&self.arguments).arg((1 + self.killed % 3).to_string());
        places::environment(&mut copier);
        copier.env("AWS_ENDPOINT_URL", &self.server).env("MILLSTREAM_STORAGE_PATIENCE", "60 s");
        copier.stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A moment anywhere between its start and some checkpoints later: what is waited for is time itself.
    fn some_time(&mut self) {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let until = Instant::now() + Duration::from_millis(100 + (self.seed >> 33) % 1_500);
        while Instant::now() < until {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

/// Kills a process that is still running; one that has ended by itself has failed.
fn kill(mut process: Child) {
    if process.try_wait().unwrap().is_some() {
        let mut error = String::new();
        process.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        panic!("the job has ended: {error}");
    }
    process.kill().unwrap();
    process.wait().unwrap();
}

pub(crate) const LINES: u64 = 60;

/// The text of a file: each line is like no other.
fn text(file: u64) -> String {
    (0..LINES)
        .map(|line| format!("file {file} line {line} {}\n", "x".repeat((line * 7 % 23) as usize)))
        .collect()
}

/// Waits until the lines of so many files have come, and finds each there once.
pub(crate) fn check(files: u64, read: impl Fn() -> Vec<String>) {
    let (mut moved, expected) = (Instant::now(), files * LINES);
    let mut found = read();
    while (found.len() as u64) < expected {
        assert!(moved.elapsed() < Duration::from_secs(180), "{} of {expected} lines came", found.len());
        let before = found.len();
        found = read();
        // It may take its time, as long as it goes on.
        if found.len() > before {
            moved = Instant::now();
        }
    }
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    found.into_iter().for_each(|line| *counts.entry(line).or_default() += 1);
    let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).take(5).collect();
    let all: Vec<String> = (0..files)
        .flat_map(|file| text(file).lines().map(|line| format!("copied {line}")).collect::<Vec<_>>())
        .collect();
    let lost: Vec<_> = all.iter().filter(|line| !counts.contains_key(*line)).take(5).collect();
    assert!(doubled.is_empty() && lost.is_empty(), "doubled {doubled:?}, lost {lost:?}");
    assert_eq!(counts.len(), all.len());
}

#[test]
fn from_s3_to_s3_nothing_is_lost_or_doubled_through_kills_of_both_with_checkpoints_in_s3() {
    let mut server = OwnS3::with_bucket("killed");
    let address = server.address();
    let [input, output, checkpoints] = ["in", "out", "checkpoints"].map(|name| format!("s3://killed/{name}"));
    let mut job = Job::new(&input, &output, &checkpoints, &address);
    let (mut files, mut servers, mut process) = (0, 0, job.start());
    while job.killed + servers < kills() {
        for _ in 0..2 {
            put_s3(&address, &format!("{input}/{files:04}.txt"), &text(files));
            files += 1;
        }
        job.some_time();
        if (job.killed + servers) % SERVER == SERVER - 1 {
            server.kill();
            servers += 1;
            job.some_time();
            server.start();
        } else {
            kill(process);
            job.killed += 1;
            process = job.start();
        }
    }
    println!("killed {} times, and the server {servers} times, with seed {SEED}", job.killed);
    put_s3(&address, &format!("{input}/{files:04}.txt"), &text(files));
    check(files + 1, || lines_s3(&address, &output));
    kill(process);
    // The next process throws away what the killed ones have left.
    let process = job.start();
    let begun = Instant::now();
    while names_s3(&address, &output).iter().any(|name| name.contains("/.part-")) {
        assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", names_s3(&address, &output));
    }
    check(files + 1, || lines_s3(&address, &output));
    kill(process);
    // Each process went on from checkpoints of those before it.
    let manifests = names_s3(&address, &checkpoints);
    let number =
        |name: &String| name.split_once("checkpoint-")?.1.split_once("/manifest.json")?.0.parse().ok();
    let newest: u64 = manifests.iter().filter_map(number).max().unwrap();
    assert!(newest > job.killed, "{manifests:?}");
}

/// Gives a file its name when it is whole.
pub(crate) fn put_local(folder: &Path, file: u64) {
    fs::write(folder.join(".next"), text(file)).unwrap();
    fs::rename(folder.join(".next"), folder.join(format!("{file:04}.txt"))).unwrap();
}

#[test]
fn from_local_files_to_hdfs_nothing_is_lost_or_doubled_through_kills_of_both_with_checkpoints_in_hdfs() {
    let mut hdfs = OwnHdfs::started();
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().to_str().unwrap();
    let [output, checkpoints] = ["out", "checkpoints"].map(|name| format!("{}/{name}", hdfs.address()));
    let mut job = Job::new(input, &output, &checkpoints, &fact("MILLSTREAM_S3"));
    let (mut files, mut nodes, mut process) = (0, 0, job.start());
    while job.killed + nodes < kills() {
        for _ in 0..2 {
            put_local(folder.path(), files);
            files += 1;
        }
        job.some_time();
        if (job.killed + nodes) % SERVER == SERVER - 1 {
            // The name node is back within the job's restarts.
            hdfs.kill("nn");
            nodes += 1;
            hdfs.start("nn");
            hdfs.await_ready();
        } else {
            kill(process);
            job.killed += 1;
            process = job.start();
        }
    }
    println!("killed {} times, and the name node {nodes} times, with seed {SEED}", job.killed);
    put_local(folder.path(), files);
    let conf = hdfs.conf();
    check(files + 1, || lines_hdfs(&conf, &output));
    kill(process);
}
