//! Counting numbers by key.

mod by_hand;
mod data_stream;

use std::sync::Arc;

use hashbrown::HashMap;
use millstream::Result;

use crate::arguments::Setup;
use crate::figure::Unit;
use crate::goal::Goal;
use crate::race::{Race, Run};
use crate::table::Row;

/// How often each key came.
type Counts = HashMap<u64, u64>;

/// One worker, records that are keys.
pub(crate) fn one_worker(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    measure(setup, work, 0, 1, 100_000, Some(0.7))
}

/// One worker, with three maps before the count.
pub(crate) fn behind_maps(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    measure(setup, work, 3, 1, 100_000, Some(0.6))
}

/// Two workers, so many keys that they do not fit a cache.
pub(crate) fn two_workers(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    measure(setup, work, 0, 2, 1_000_000, None)
}

fn measure(
    setup: &Setup,
    work: &str,
    maps: usize,
    workers: u32,
    keys: u64,
    of_loop: Option<f64>,
) -> Result<Vec<Row>> {
    let input = numbers(setup.size(20_000_000, 200_000), keys);
    let millions = input.len() as f64 / 1e6;
    let rate =
        |(counts, seconds): (Counts, f64)| Run::new(Unit::MillionsPerSecond, millions / seconds, counts);
    let race = Race::of(work).enter("loop", [], || by_hand::count(&input, maps).map(rate));
    let name = if workers == 1 { "DataStream batch, 1 worker" } else { "DataStream batch, 2 workers" };
    let engine = || data_stream::count(&input, maps, workers).map(rate);
    let race = match of_loop {
        Some(times) => race.enter(name, [Goal::at_least(times, "loop")], engine),
        None => race.enter(name, [], engine),
    };
    race.run(setup)
}

/// A step of the three maps.
fn next(n: u64) -> u64 {
    n.wrapping_mul(3) ^ 5
}

/// Numbers below `keys`, each as likely as the others, the same in every run.
fn numbers(count: usize, keys: u64) -> Arc<[u64]> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let draw = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % keys
    };
    (0..count).map(draw).collect()
}
