//! A job from Kafka to Kafka whose process is killed, again and again, writes what an undisturbed one writes.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cluster::{self, Written, broker, read, topic, write};
use crate::own_broker::OwnBroker;

const RECORDS: u64 = 20_000;
const KILLS: u64 = 20;

fn counter(servers: &str, input: &str, output: &str, checkpoints: &Path, parallelism: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_counter"))
        .args([servers, input, output])
        .arg(checkpoints)
        .arg(parallelism.to_string())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
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

fn feed(servers: &str, input: &str, from: u64, to: u64) {
    let texts: Vec<String> = (from..to).map(|n| n.to_string()).collect();
    let records = texts.iter().enumerate().map(|(n, text)| Written::new(n as i32 % 3, text));
    write(servers, input, records);
}

/// What the job must write: for each key every count from 1 up, once.
fn expected(records: u64) -> BTreeMap<String, u32> {
    let mut counts = [0_u64; 97];
    let lines = (0..records).map(|n| {
        let key = (n % 97) as usize;
        counts[key] += 1;
        (format!("{key} {}", counts[key]), 1)
    });
    lines.collect()
}

#[test]
fn nothing_is_lost_or_doubled_through_kills_at_changing_parallelism() {
    let (input, output) = (topic("killed-in", 3), topic("killed-out", 2));
    let folder = tempfile::tempdir().unwrap();
    let (mut seed, each) = (20_261_123_u64, RECORDS / (KILLS + 1));
    for kill_number in 0..KILLS {
        let process = counter(&broker(), &input, &output, folder.path(), 1 + kill_number % 3);
        feed(&broker(), &input, kill_number * each, (kill_number + 1) * each);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // A moment anywhere between its start and some checkpoints later: what is waited for is time itself.
        let until = Instant::now() + Duration::from_millis(50 + (seed >> 33) % 900);
        while Instant::now() < until {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
        kill(process);
    }
    println!("killed {KILLS} times with seed 20261123");
    feed(&broker(), &input, KILLS * each, RECORDS);
    let last = counter(&broker(), &input, &output, folder.path(), 2);
    await_all(&broker(), &output, RECORDS);
    kill(last);
    check(&broker(), &output, RECORDS);
}

/// Waits until so many records are committed.
fn await_all(servers: &str, output: &str, records: u64) {
    let (begun, mut found) = (Instant::now(), 0);
    while found < records as usize {
        assert!(begun.elapsed() < Duration::from_secs(90), "{found} of {records} records came");
        found = read(servers, output).len();
    }
}

fn check(servers: &str, output: &str, records: u64) {
    let mut lines = BTreeMap::new();
    read(servers, output).into_iter().for_each(|line| *lines.entry(line).or_insert(0) += 1);
    let expected = expected(records);
    let doubled: Vec<_> = lines.iter().filter(|(_, count)| **count > 1).take(5).collect();
    let lost: Vec<_> = expected.keys().filter(|line| !lines.contains_key(*line)).take(5).collect();
    assert!(doubled.is_empty() && lost.is_empty(), "doubled {doubled:?}, lost {lost:?}");
    assert_eq!(lines.len(), expected.len());
}

#[test]
fn nothing_is_lost_or_doubled_where_the_broker_is_killed_under_the_job() {
    const EACH: u64 = 1_000;
    let mut own = OwnBroker::started();
    let servers = own.address();
    let (input, output) = ("broker-killed-in", "broker-killed-out");
    cluster::create(&servers, input, 3);
    cluster::create(&servers, output, 2);
    let folder = tempfile::tempdir().unwrap();
    let job = counter(&servers, input, output, folder.path(), 2);
    for round in 0..3 {
        feed(&servers, input, round * EACH, (round + 1) * EACH);
        // In the middle of the round's transactions.
        while read(&servers, output).len() <= (round * EACH) as usize {}
        own.kill();
        own.start();
    }
    await_all(&servers, output, 3 * EACH);
    kill(job);
    check(&servers, output, 3 * EACH);
}

#[test]
fn nothing_is_lost_or_doubled_where_leaders_move_in_a_cluster_of_three() {
    const EACH: u64 = 1_000;
    let mut brokers = OwnBroker::cluster();
    let servers = brokers.each_ref().map(OwnBroker::address).join(",");
    let (input, output) = ("leaders-in", "leaders-out");
    cluster::create_with(&servers, input, 3, 3);
    cluster::create_with(&servers, output, 3, 3);
    let folder = tempfile::tempdir().unwrap();
    let job = counter(&servers, input, output, folder.path(), 2);
    // Each broker leads some partitions, and is the coordinator of some transactions.
    for (round, broker) in (0..).zip(&mut brokers) {
        feed(&servers, input, round * EACH, (round + 1) * EACH);
        while read(&servers, output).len() <= (round * EACH) as usize {}
        broker.kill();
        feed(&servers, input, 3 * EACH + round * 10, 3 * EACH + (round + 1) * 10);
        broker.start();
    }
    await_all(&servers, output, 3 * EACH + 30);
    kill(job);
    check_counts(&servers, output, 3 * EACH + 30);
}

/// As `check`, where records were fed in another order: for each key every count from 1 up, once.
fn check_counts(servers: &str, output: &str, records: u64) {
    let mut found = read(servers, output);
    found.sort();
    let mut wanted: Vec<_> = expected(records).into_keys().collect();
    wanted.sort();
    assert_eq!(found, wanted);
}
