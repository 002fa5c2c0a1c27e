//! The hand-written loop: one thread, one table.

use millstream::Result;

use super::{Counts, next};
use crate::race::timed;

/// Counts, and the seconds that took.
pub(super) fn count(input: &[u64], maps: usize) -> Result<(Counts, f64)> {
    timed(|| {
        let mut counts = Counts::new();
        for number in input {
            let key = (0..maps).fold(*number, |n, _| next(n));
            *counts.entry(key).or_insert(0) += 1;
        }
        Ok(counts)
    })
}
