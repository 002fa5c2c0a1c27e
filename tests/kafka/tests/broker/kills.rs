//! A job from Kafka to Kafka whose process and whose broker are killed, again and again, writes what an undisturbed one
//! writes. `MILLSTREAM_KILL_FACTOR` multiplies the kills.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use millstream_testkit::broker::OwnBroker;
use millstream_testkit::kills::{Chance, Victim, kills};

use crate::cluster::{self, Written, broker, read, topic, write};

/// Fed before each kill.
const EACH: u64 = 950;
const KILLS: u64 = 20;
const SEED: u64 = 20_261_123;

fn counter(servers: &str, input: &str, output: &str, checkpoints: &Path, parallelism: u64) -> Victim {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counter"));
    command.args([servers, input, output]).arg(checkpoints).arg(parallelism.to_string());
    Victim::start(&mut command)
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
    let (kills, mut chance) = (kills(KILLS), Chance::of(SEED));
    for round in 0..kills {
        let process = counter(&broker(), &input, &output, folder.path(), 1 + round % 3);
        feed(&broker(), &input, round * EACH, (round + 1) * EACH);
        // Anywhere between its start and some checkpoints later.
        chance.moment(Duration::from_millis(950));
        process.kill();
    }
    println!("killed {kills} times with seed {SEED}");
    feed(&broker(), &input, kills * EACH, (kills + 1) * EACH);
    let last = counter(&broker(), &input, &output, folder.path(), 2);
    await_all(&broker(), &output, (kills + 1) * EACH);
    last.kill();
    check(&broker(), &output, (kills + 1) * EACH);
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
fn nothing_is_lost_or_doubled_where_the_job_or_the_broker_under_it_is_killed() {
    const EACH: u64 = 200;
    let mut own = OwnBroker::started();
    let servers = own.address();
    let (input, output) = ("both-killed-in", "both-killed-out");
    cluster::create(&servers, input, 3);
    cluster::create(&servers, output, 2);
    let folder = tempfile::tempdir().unwrap();
    let start = || counter(&servers, input, output, folder.path(), 2);
    let (kills, mut chance, mut brokers, mut job) = (kills(KILLS), Chance::of(SEED), 0, start());
    for round in 0..kills {
        feed(&servers, input, round * EACH, (round + 1) * EACH);
        // From before the first of the round's transactions to behind the last.
        chance.moment(Duration::from_millis(600));
        if chance.below(2) == 0 {
            brokers += 1;
            own.kill();
            own.start();
        } else {
            job.kill();
            job = start();
        }
    }
    println!("killed {kills} times, the broker {brokers} of these, with seed {SEED}");
    await_all(&servers, output, kills * EACH);
    job.kill();
    check_counts(&servers, output, kills * EACH);
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
    job.kill();
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
