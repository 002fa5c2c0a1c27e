//! Jobs under faults that are drawn from a seed: nothing is lost, nothing is doubled, and how long it takes to go on.
//!
//! `MILLSTREAM_SEED=N` draws other faults, `MILLSTREAM_FAULTS=N` draws more of them than the suite does, the store's among them. Which
//! processes there are when a fault strikes depends on the machine: a seed gives the same faults, not the same schedule.
//!
//! The jobs' files and checkpoints, and the job managers' lease, are in an object store of the test's own
//! (`cargo xtask test --only chaos` has its program, and an interpreter for the job in Python).
//!
//! Each machine is a network namespace, so that any two can be cut off from each other, one way or both. Where the rights to
//! make such are missing (they take root), there are no cuts, and the report says so; the same for a disk that is full.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test ends where something is missing"
)]

mod chance;
mod faults;
mod machines;
mod report;
mod store;
mod town;
mod work;

use std::time::{Duration, Instant};

use chance::Chance;
use faults::strike;
use report::Report;
use town::Town;

/// Of the suite.
const FAULTS: usize = 60;
/// Longer than it takes to go on after anything.
const PATIENCE: Duration = Duration::from_secs(150);
/// Of each job, and how many of them there are in a second: enough for some faults.
const RECORDS: u64 = 60_000;
const RATE: u64 = 2_500;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn jobs_lose_nothing_and_double_nothing_whatever_befalls_the_cluster() {
    let seed = number("MILLSTREAM_SEED").unwrap_or(1);
    // The long form strikes the store as well.
    let with_store = number("MILLSTREAM_FAULTS").is_some();
    let faults = number("MILLSTREAM_FAULTS").map_or(FAULTS, |faults| faults as usize);
    println!("chaos: {faults} faults of seed {seed} (MILLSTREAM_SEED, MILLSTREAM_FAULTS)");
    let mut chance = Chance::new(seed);
    let mut town = Town::build();
    let mut report = Report::new(seed, &town.lacks());
    let expected: Vec<_> = work::all().iter().map(|work| work.undisturbed(&town.folder, RECORDS)).collect();
    let mut round = 0;
    while report.faults() < faults {
        let jobs = town.submit(round, RECORDS, RATE);
        while report.faults() < faults && !town.have_finished(&jobs) {
            let begun = Instant::now();
            let since = town::wall();
            let Some(kind) = strike(&mut town, &mut chance, with_store) else { continue };
            // Some faults strike while another one is borne.
            let recovered = (chance.below(3) > 0).then(|| {
                town.wait_until("the jobs go on", PATIENCE, |town| town.go_on_since(&jobs, since));
                begun.elapsed()
            });
            report.note(kind, recovered);
        }
        town.wait_until("the end of the jobs", PATIENCE, |town| town.have_finished(&jobs));
        for (job, expected) in jobs.iter().zip(&expected) {
            if let Err(what) = job.work.compare(expected, &town.results(job)) {
                panic!("{what}; seed {seed}, round {round}, faults {}\n{}", report.text(), town.last_words());
            }
        }
        round += 1;
    }
    println!("{}", report.text());
    report.write();
}
