//! DataStreams: lines, words, pairs, a sum by key.

use std::path::Path;

use millstream::connectors::collect::Collect;
use millstream::connectors::files::TextFiles;
use millstream::{DataStream, Mode, StreamEnvironment, Text};

use super::{Counts, Timed};
use crate::race::timed;
use crate::tally::{Tally, TallySink};

fn words(env: &StreamEnvironment, path: &Path) -> DataStream<(Text, u64)> {
    env.source(TextFiles::read(path.to_string_lossy()))
        .flat_map(|line: Text| line.into_split_whitespace())
        .map(|word| (word, 1))
        .key_by(|(word, _)| word.clone())
        .sum(|(_, count)| count)
}

/// The counts at the end, and the seconds from `execute` to its end.
pub(super) fn count(path: &Path, workers: u32) -> Timed<Counts> {
    let env = StreamEnvironment::new();
    env.set_mode(Mode::Batch).set_parallelism(workers);
    let (sink, found) = Collect::new();
    words(&env, path).sink_to(sink);
    let (_, seconds) = timed(|| env.execute("word count"))?;
    Ok((found.take().into_iter().map(|(word, count)| (word.into(), count)).collect(), seconds))
}

/// What all updates come to, and the seconds from `execute` to its end.
pub(super) fn update(path: &Path, workers: u32) -> Timed<Tally> {
    let env = StreamEnvironment::new();
    env.set_parallelism(workers);
    let (sink, tally) = TallySink::new();
    words(&env, path).sink_to(sink);
    let (_, seconds) = timed(|| env.execute("word count"))?;
    Ok((tally.take(), seconds))
}
