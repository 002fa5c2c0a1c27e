//! An Rdd: lines, words, pairs, reduced by key.

use std::path::Path;

use millstream::Text;
use millstream::rdd::Context;

use super::{Counts, Timed};
use crate::race::timed;

/// Counts, and the seconds of the action. The context's threads run already, as they do in a program with a second one.
pub(super) fn count(path: &Path, workers: usize) -> Timed<Counts> {
    let context = Context::builder().parallelism(workers).build()?;
    let (pairs, seconds) = timed(|| {
        context
            .text_file(path)?
            .flat_map(|line: Text| line.into_split_whitespace())
            .map(|word| (word, 1u64))
            .reduce_by_key(|a, b| a + b)
            .collect()
    })?;
    Ok((pairs.into_iter().map(|(word, count)| (word.into(), count)).collect(), seconds))
}
