//! Jobs between two agents whose processes are killed, again and again, lose nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use millstream_testkit::kills::{Chance, Victim, kills};

use crate::job::bodies;
use crate::own_agent::{Channel, LONG, OwnAgent, free_port, lines, pulled_at, push_to, rpc_source, to_files};

/// How often each kind of kill happens; `MILLSTREAM_KILL_FACTOR` multiplies it.
const KILLS: u64 = 5;
/// Batches of 100 and half a one: an odd number, so that what is held back until the next one comes is held when all is quiet.
pub(crate) const EACH: u32 = 2_050;
pub(crate) const SEED: u64 = 20_261_123;

fn relay(way: &str, address: &str, log: Option<&Path>, agent: &OwnAgent, checkpoints: &Path) -> Victim {
    let log = log.map_or("-".into(), |log| log.display().to_string());
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    Victim::start(command.args([way, address, &log, &agent.address()]).arg(checkpoints))
}

/// A moment within some checkpoints, or when all that was sent has long been taken.
pub(crate) fn moment(chance: &mut Chance) {
    let most = [60, 900][chance.below(2) as usize];
    chance.moment(Duration::from_millis(most));
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
    let (kills, mut chance, mut sent) = (kills(KILLS), Chance::of(SEED), BTreeSet::new());
    for round in 0..kills {
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
        moment(&mut chance);
        job.kill();
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
    last.kill();
    let strange = lines.iter().find(|line| !sent.contains(*line));
    assert_eq!(strange, None, "a line was never sent");
    let again = lines.len() - sent.len();
    format!("{way}: killed {kills} times with seed {SEED}; {} lines, {again} of them again", sent.len())
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
