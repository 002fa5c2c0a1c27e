//! A DataStream in batch mode: the last count of each key goes to the sink.

use std::sync::Arc;

use millstream::connectors::collect::Collect;
use millstream::connectors::generator::Generator;
use millstream::{Mode, Result, StreamEnvironment};

use super::{Counts, next};
use crate::race::timed;

/// Counts, and the seconds from `execute` to its end.
pub(super) fn count(input: &Arc<[u64]>, maps: usize, workers: u32) -> Result<(Counts, f64)> {
    let env = StreamEnvironment::new();
    env.set_mode(Mode::Batch).set_parallelism(workers);
    let (sink, found) = Collect::new();
    let (own, count) = (Arc::clone(input), input.len() as u64);
    let mut stream = env.source(Generator::new(move |n| own[n as usize], Some(count)));
    for _ in 0..maps {
        stream = stream.map(next);
    }
    stream.key_by(|n| *n).count().sink_to(sink);
    let (_, seconds) = timed(|| env.execute("keyed count"))?;
    Ok((found.take().into_iter().collect(), seconds))
}
