//! Sorting pairs of numbers by the first.
//!
//! The input lies in memory, for the loop as a slice, for the engine as an Rdd; both copy it, since both leave it as it is.

use millstream::Result;
use millstream::rdd::{Context, Rdd};

use crate::arguments::Setup;
use crate::figure::Unit;
use crate::goal::Goal;
use crate::race::{Race, Run, timed};
use crate::table::Row;

type Pairs = Vec<(u64, u64)>;

/// One worker with one partition, one with two, and two with two.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let input = pairs(setup.size(10_000_000, 100_000));
    let context = |workers| Context::builder().parallelism(workers).build();
    let (one, two) = (context(1)?, context(2)?);
    let whole = one.parallelize_in(input.iter().copied(), 1);
    let halves = one.parallelize_in(input.iter().copied(), 2);
    let spread = two.parallelize_in(input.iter().copied(), 2);
    let goal = || [Goal::at_most(1.5, "loop")];
    Race::of(work)
        .enter("loop", [], || by_hand(&input).map(seconds))
        .enter("Rdd, 1 worker", goal(), || engine(&whole).map(seconds))
        .enter("Rdd, 1 worker, 2 partitions", goal(), || engine(&halves).map(seconds))
        .enter("Rdd, 2 workers", goal(), || engine(&spread).map(seconds))
        .run(setup)
}

fn seconds((pairs, seconds): (Pairs, f64)) -> Run<Pairs> {
    Run::new(Unit::Seconds, seconds, pairs)
}

/// A copy, sorted in place.
fn by_hand(input: &[(u64, u64)]) -> Result<(Pairs, f64)> {
    timed(|| {
        let mut pairs = input.to_vec();
        pairs.sort_unstable_by_key(|(key, _)| *key);
        Ok(pairs)
    })
}

/// Sorted and collected; a new shuffle each time, as nothing is left of the one before.
fn engine(input: &Rdd<(u64, u64)>) -> Result<(Pairs, f64)> {
    timed(|| input.sort_by_key(true).collect())
}

/// Pairs with keys all over the range of `u64`, none twice, the same in every run.
fn pairs(count: usize) -> Pairs {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let draw = |number| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state, number)
    };
    (0..count as u64).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_and_the_engine_sort_alike() {
        let input = pairs(10_000);
        let (by_hand, _) = by_hand(&input).unwrap();
        assert!(by_hand.is_sorted_by(|a, b| a.0 < b.0));
        let context = Context::builder().parallelism(2).build().unwrap();
        assert_eq!(engine(&context.parallelize_in(input, 3)).unwrap().0, by_hand);
    }
}
