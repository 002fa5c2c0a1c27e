//! Counting numbers by key.

mod by_hand;
mod data_stream;
mod timely;

use std::sync::Arc;

use hashbrown::HashMap;
use millstream::Result;

use crate::arguments::Setup;
use crate::figure::Unit;
use crate::goal::Goal;
use crate::race::{Race, Run};
use crate::table::Row;
use crate::tally::Tally;

/// How often each key came.
type Counts = HashMap<u64, u64>;

/// One worker, records that are keys.
pub(crate) fn one_worker(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let ahead = Goal::at_least(1.0, "timely, 1 worker");
    on_one_worker(setup, work, 0, vec![Goal::at_least(0.7, "loop"), ahead])
}

/// One worker, with three maps before the count.
pub(crate) fn behind_maps(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    on_one_worker(setup, work, 3, vec![Goal::at_least(0.6, "loop")])
}

fn rate<R>(input: &[u64], (result, seconds): (R, f64)) -> Run<R> {
    Run::new(Unit::MillionsPerSecond, input.len() as f64 / 1e6 / seconds, result)
}

fn on_one_worker(setup: &Setup, work: &str, maps: usize, goals: Vec<Goal>) -> Result<Vec<Row>> {
    let input = &numbers(setup.size(20_000_000, 200_000), 100_000);
    Race::of(work)
        .enter("loop", [], || by_hand::count(input, maps).map(|found| rate(input, found)))
        .enter("timely, 1 worker", [], || timely::count(input, maps, 1).map(|found| rate(input, found)))
        .enter("DataStream batch, 1 worker", goals, || {
            data_stream::count(input, maps, 1).map(|found| rate(input, found))
        })
        .run(setup)
}

/// Two workers, so many keys that they do not fit a cache.
pub(crate) fn two_workers(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let input = &numbers(setup.size(20_000_000, 200_000), 1_000_000);
    Race::of(work)
        .enter("loop", [], || by_hand::count(input, 0).map(|found| rate(input, found)))
        .enter("timely, 2 workers", [], || timely::count(input, 0, 2).map(|found| rate(input, found)))
        .enter("DataStream batch, 2 workers", [Goal::at_least(1.0, "timely, 2 workers")], || {
            data_stream::count(input, 0, 2).map(|found| rate(input, found))
        })
        .run(setup)
}

/// Each record's new count sent to a sink that adds up. The loop still counts only.
pub(crate) fn every_update(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let input = &numbers(setup.size(20_000_000, 200_000), 100_000);
    Race::of(work)
        .enter("loop", [], || {
            let (counts, seconds) = by_hand::count(input, 0)?;
            Ok(rate(input, (Tally::of(&counts), seconds)))
        })
        .enter("timely, 1 worker", [], || timely::update(input, 0, 1).map(|found| rate(input, found)))
        .enter("DataStream, 1 worker", [Goal::at_least(1.0, "timely, 1 worker")], || {
            data_stream::update(input, 0, 1).map(|found| rate(input, found))
        })
        .enter("timely, 2 workers", [], || timely::update(input, 0, 2).map(|found| rate(input, found)))
        .enter("DataStream, 2 workers", [Goal::at_least(1.0, "timely, 2 workers")], || {
            data_stream::update(input, 0, 2).map(|found| rate(input, found))
        })
        .run(setup)
}

/// A step of the three maps.
fn next(n: u64) -> u64 {
    n.wrapping_mul(3) ^ 5
}

/// Numbers below `keys`, each as likely as the others, the same in every run.
pub(crate) fn numbers(count: usize, keys: u64) -> Arc<[u64]> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let draw = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % keys
    };
    (0..count).map(draw).collect()
}
