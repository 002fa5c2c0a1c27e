//! Renoir's plain word count, as its documentation has it, but that words are taken as they are.

use std::path::Path;

use millstream::{BoxError, Failure};
use renoir::prelude::*;

use super::{Counts, Timed};
use crate::race::timed;

/// Counts, and the seconds of the execution.
pub(super) fn count(path: &Path, workers: u64) -> Timed<Counts> {
    let failed = |cause: BoxError| Failure::external("renoir does not run").because(cause);
    let config = RuntimeConfig::local(workers).map_err(|error| failed(error.into()))?;
    let env = StreamContext::new(config);
    let result = env
        .stream_file(path)
        .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .group_by(|word| word.clone())
        .fold(0u64, |count, _word| *count += 1)
        .collect_vec();
    let ((), seconds) = timed(|| {
        env.execute_blocking();
        Ok(())
    })?;
    let counts = result.get().ok_or_else(|| failed("it gave no result".into()))?;
    Ok((counts.into_iter().collect(), seconds))
}
