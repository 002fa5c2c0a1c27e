//! From the start of a process to the first result of the program that maps a few numbers, and the memory it takes.
//!
//! Holds: the clock starts before the process is asked for, in the process that asks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millstream::connectors::discard::Discard;
use millstream::{Failure, Result, StreamEnvironment};

use crate::arguments::Setup;
use crate::figure::{Figure, Unit};
use crate::goal::Goal;
use crate::process;
use crate::race::{Race, Run};
use crate::table::Row;

/// What stands before the time of the first result in the line of the task.
const FIRST: &str = "first result at: ";

/// The time to the first result, and the most memory.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let goals = [
        Goal::below("first result", Unit::Seconds, 0.05),
        Goal::below("peak memory", Unit::Bytes, f64::from(30 << 20)),
    ];
    Race::of(work).enter("DataStream", goals, || one(setup)).run(setup)
}

fn one(setup: &Setup) -> Result<Run<()>> {
    let asked = since_epoch()?;
    let process::Report { lines, peak_memory } = process::run(setup, "start-up")?;
    let first = lines.iter().find_map(|line| line.strip_prefix(FIRST)?.parse().ok());
    let first =
        first.ok_or_else(|| Failure::internal("the process did not say when its first result came"))?;
    let took = Duration::from_nanos(first).saturating_sub(asked).as_secs_f64();
    let figures = vec![
        Figure { label: "first result", ..Figure::new(Unit::Seconds, took) },
        Figure { label: "peak memory", ..Figure::new(Unit::Bytes, peak_memory as f64) },
    ];
    Ok(Run { figures, result: () })
}

/// The program: doubles numbers. Its first result says the time.
pub(crate) fn task(_: &Setup, _: &str) -> Result<()> {
    double(|now| println!("{FIRST}{now}"))
}

/// Doubles numbers, and tells when its first result came, in nanoseconds since 1970.
pub(crate) fn double(tell: impl Fn(u128) + Send + Sync + 'static) -> Result<()> {
    let env = StreamEnvironment::new();
    env.from_collection(vec![1_u64, 2, 3])
        .map(|n| n * 2)
        .map(move |n| {
            if n == 2
                && let Ok(now) = since_epoch()
            {
                tell(now.as_nanos());
            }
            n
        })
        .sink_to(Discard::new());
    env.execute("double").map(drop)
}

/// The time since 1970, by which processes of one machine agree.
pub(crate) fn since_epoch() -> Result<Duration> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_err(|error| Failure::external("the system's clock stands before 1970").because(error))
}
