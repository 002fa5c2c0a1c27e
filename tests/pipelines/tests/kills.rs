//! A job whose process is killed, again and again, gives what an undisturbed one gives.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const RECORDS: u64 = 60_000;
const RATE: u64 = 15_000;
const KILLS: u32 = 50;

fn victim(folder: &Path, rate: u64, parallelism: u32) -> Child {
    Command::new(env!("CARGO_BIN_EXE_victim"))
        .arg(folder.join("checkpoints"))
        .arg(folder.join("output"))
        .args([RECORDS.to_string(), rate.to_string(), parallelism.to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
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

/// What the job must give: for each key every count from 1 up, once.
fn expected() -> BTreeMap<String, u32> {
    let mut counts = [0_u64; 97];
    (0..RECORDS)
        .map(|n| {
            let key = (n % 97) as usize;
            counts[key] += 1;
            (format!("{key} {}", counts[key]), 1)
        })
        .collect()
}

/// The same numbers for the same seed; enough for moments to kill at.
fn pseudo_random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// Lets a process live for `life`, then kills it. Gives whether it had ended by itself.
fn kill_after(mut process: Child, life: Duration) -> bool {
    let deadline = Instant::now() + life;
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            let mut error = String::new();
            std::io::Read::read_to_string(&mut process.stderr.take().unwrap(), &mut error).unwrap();
            assert!(status.success(), "{error}");
            return true;
        }
        if Instant::now() >= deadline {
            process.kill().unwrap();
            process.wait().unwrap();
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn nothing_is_lost_or_doubled_through_fifty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let (mut seed, mut killed) = (20_261_123, 0);
    while killed < KILLS {
        let life = Duration::from_millis(20 + pseudo_random(&mut seed) % 100);
        if kill_after(victim(folder.path(), RATE, 1 + killed % 3), life) {
            break;
        }
        killed += 1;
    }
    println!("killed {killed} times with seed 20261123");
    let last = victim(folder.path(), 10 * RATE, 2).wait_with_output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    let (found, expected) = (lines(folder.path()), expected());
    let doubled: Vec<_> = found.iter().filter(|(_, count)| **count > 1).take(5).collect();
    let lost: Vec<_> = expected.keys().filter(|line| !found.contains_key(*line)).take(5).collect();
    assert!(doubled.is_empty() && lost.is_empty(), "doubled {doubled:?}, lost {lost:?}");
    assert_eq!(found.len(), expected.len());
    assert!(killed >= KILLS / 2, "the job ended after {killed} kills: it was not disturbed enough");
}
