//! Jobs between two agents whose processes are killed, again and again, lose nothing.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::job::bodies;
use crate::own_agent::{Channel, LONG, OwnAgent, free_port, lines, pulled_at, push_to, rpc_source, to_files};

/// How often each kind of kill happens; `MILLSTREAM_KILL_FACTOR` multiplies it.
const KILLS: u64 = 5;
/// Batches of 100 and half a one: an odd number, so that what is held back until the next one comes is held when all is quiet.
const EACH: u32 = 2_050;
const SEED: u64 = 20_261_123;

fn relay(way: &str, address: &str, log: Option<&Path>, agent: &OwnAgent, checkpoints: &Path) -> Child {
    let log = log.map_or("-".into(), |log| log.display().to_string());
    Command::new(env!("CARGO_BIN_EXE_relay"))
        .args([way, address, &log, &agent.address()])
        .arg(checkpoints)
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

struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// A moment within some checkpoints, or when all that was sent has long been taken: what is waited for is time itself.
    fn moment(&mut self) {
        let most = [60, 900][self.below(2) as usize];
        let until = Instant::now() + Duration::from_millis(self.below(most));
        while Instant::now() < until {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

/// Lines into one agent, by a job to another, whose files have them in the end. Killed are the job, and, in between, both
/// agents. Gives what happened, for people.
fn through_kills(way: &str, with_log: bool, source: impl FnOnce(u16) -> OwnAgent) -> String {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let mut from = source(port);
    let mut to = OwnAgent::started(rpc_source("avro", &[]), to_files("text"), Channel::File);
    let (address, log) = (format!("127.0.0.1:{port}"), folder.path().join("log"));
    let log = with_log.then_some(&*log);
    let checkpoints = folder.path().join("checkpoints");
    let factor = std::env::var("MILLSTREAM_KILL_FACTOR").map_or(1, |factor| factor.parse().unwrap());
    let (mut chance, mut sent) = (Chance(SEED), BTreeSet::new());
    for round in 0..KILLS * factor {
        // A kill shows something only while much is under way: the agent has it before the job comes.
        let some = bodies(&format!("{way} {round}"), 0..EACH);
        from.feed(some.iter().cloned());
        let began = folder.path().join("checkpoints.began");
        let _ = std::fs::remove_file(&began);
        let job = relay(way, &address, log, &to, &checkpoints);
        let begun = Instant::now();
        while !began.exists() {
            assert!(begun.elapsed() < LONG, "nothing came through in round {round}");
            std::thread::park_timeout(Duration::from_millis(2));
        }
        chance.moment();
        kill(job);
        sent.extend(some);
        match chance.below(4) {
            0 => {
                from.kill();
                from.start();
            }
            1 => {
                to.kill();
                to.start();
            }
            _ => {}
        }
    }
    let last = relay(way, &address, log, &to, &checkpoints);
    let lines = to.await_files(&sent);
    kill(last);
    let strange = lines.iter().find(|line| !sent.contains(*line));
    assert_eq!(strange, None, "a line was never sent");
    let (killed, again) = (KILLS * factor, lines.len() - sent.len());
    format!("{way}: killed {killed} times with seed {SEED}; {} lines, {again} of them again", sent.len())
}

#[test]
fn nothing_that_was_pushed_is_lost_through_kills_with_a_log() {
    let told = through_kills("push", true, |port| {
        OwnAgent::started(lines(), push_to("avro", port, &[]), Channel::File)
    });
    println!("{told}");
}

#[test]
fn nothing_that_was_pushed_is_lost_through_kills_without_a_log() {
    let told = through_kills("push", false, |port| {
        OwnAgent::started(lines(), push_to("avro", port, &[]), Channel::File)
    });
    println!("{told}");
}

#[test]
fn nothing_that_was_pulled_is_lost_through_kills_with_a_log() {
    let told =
        through_kills("pull", true, |port| OwnAgent::started(lines(), pulled_at(port, 2), Channel::File));
    println!("{told}");
}
