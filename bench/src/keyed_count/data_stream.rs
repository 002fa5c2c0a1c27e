//! A DataStream: in batch mode the last count of each key goes to the sink, in streaming mode every one.

use std::sync::Arc;

use millstream::connectors::collect::Collect;
use millstream::connectors::generator::Generator;
use millstream::{DataStream, Mode, Result, StreamEnvironment};

use super::{Counts, next};
use crate::race::timed;
use crate::tally::{Tally, TallySink};

fn counts(env: &StreamEnvironment, input: &Arc<[u64]>, maps: usize) -> DataStream<(u64, u64)> {
    let (own, count) = (Arc::clone(input), input.len() as u64);
    let mut stream = env.source(Generator::new(move |n| own[n as usize], Some(count)));
    for _ in 0..maps {
        stream = stream.map(next);
    }
    stream.key_by(|n| *n).count()
}

/// Counts, and the seconds from `execute` to its end.
pub(super) fn count(input: &Arc<[u64]>, maps: usize, workers: u32) -> Result<(Counts, f64)> {
    let env = StreamEnvironment::new();
    env.set_mode(Mode::Batch).set_parallelism(workers);
    let (sink, found) = Collect::new();
    counts(&env, input, maps).sink_to(sink);
    let (_, seconds) = timed(|| env.execute("keyed count"))?;
    Ok((found.take().into_iter().collect(), seconds))
}

/// What all updates come to, and the seconds from `execute` to its end.
pub(super) fn update(input: &Arc<[u64]>, maps: usize, workers: u32) -> Result<(Tally, f64)> {
    let env = StreamEnvironment::new();
    env.set_parallelism(workers);
    let (sink, tally) = TallySink::new();
    counts(&env, input, maps).sink_to(sink);
    let (_, seconds) = timed(|| env.execute("keyed count"))?;
    Ok((tally.take(), seconds))
}
