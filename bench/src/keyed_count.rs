//! Counting numbers by key.

use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashMap;
use millstream::connectors::collect::Collect;
use millstream::connectors::generator::Generator;
use millstream::{Failure, Mode, Result, StreamEnvironment};

use crate::median;

/// Records of a run.
const RECORDS: usize = 20_000_000;

/// Millions of records a second: the engine's, and a loop's on one thread that does the same.
pub(crate) fn measure(maps: usize, parallelism: u32, keys: u64) -> Result<(f64, f64)> {
    let input: Arc<[u64]> = numbers(keys).into();
    let millions = RECORDS as f64 / 1e6;
    let expected = by_hand(&input, maps);
    let by_hand = median::of_runs(|| {
        let start = Instant::now();
        let counts = by_hand(&input, maps);
        let elapsed = start.elapsed().as_secs_f64();
        if counts == expected {
            Ok(millions / elapsed)
        } else {
            Err(Failure::internal("the loop is not repeatable"))
        }
    })?;
    let rate = median::of_runs(|| {
        let env = StreamEnvironment::new();
        env.set_mode(Mode::Batch).set_parallelism(parallelism);
        let (sink, found) = Collect::new();
        let own = input.clone();
        let source = Generator::new(move |n| own[n as usize], Some(RECORDS as u64));
        let mut stream = env.source(source);
        for _ in 0..maps {
            stream = stream.map(next);
        }
        stream.key_by(|n| *n).count().sink_to(sink);
        let start = Instant::now();
        env.execute("keyed count")?;
        let elapsed = start.elapsed().as_secs_f64();
        let counts: HashMap<u64, u64> = found.take().into_iter().collect();
        if counts == expected { Ok(millions / elapsed) } else { Err(Failure::internal("the counts differ")) }
    })?;
    Ok((rate, by_hand))
}

/// A step of the three maps.
fn next(n: u64) -> u64 {
    n.wrapping_mul(3) ^ 5
}

fn by_hand(input: &[u64], maps: usize) -> HashMap<u64, u64> {
    let mut counts = HashMap::new();
    for number in input {
        let key = (0..maps).fold(*number, |n, _| next(n));
        *counts.entry(key).or_insert(0) += 1;
    }
    counts
}

/// Numbers below `keys`, each as likely as the others, the same in every run.
fn numbers(keys: u64) -> Vec<u64> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let draw = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % keys
    };
    (0..RECORDS).map(draw).collect()
}
