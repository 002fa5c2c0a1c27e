//! How long a record takes from the moment it was to be sent to the moment its result is at the sink.
//!
//! 100,000 records a second through one keyed exchange into a count for each key, two workers, nothing held back to fill
//! a batch. A record's time begins when the schedule says, whether or not the source came to send it then: who falls
//! behind pays for every record that waits (no coordinated omission).
//! The first contender does no work: its figures are what the machine takes from two busy threads.
//! Flink 2.3, buffer timeout 0, on two like cores: 100, 464 and 3,034 microseconds at the median, p99 and p99.9.

mod by_hand;
mod data_stream;
mod histogram;
mod schedule;
mod timely;

use millstream::Result;

pub(crate) use self::data_stream::Job;
pub(crate) use self::histogram::Histogram;
pub(crate) use self::schedule::Schedule;
use crate::arguments::Setup;
use crate::figure::{Figure, Unit};
use crate::goal::Goal;
use crate::race::{Race, Run};
use crate::table::Row;

/// Records a second, over all workers.
pub(crate) const RATE: u64 = 100_000;
const WORKERS: u32 = 2;
const KEYS: u64 = 10_000;

/// A record: the number of its place in the schedule.
type Number = u64;

fn key(number: Number) -> u64 {
    // Neighbours in the schedule go to different workers.
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % KEYS
}

/// The three percentiles, each with its goal.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let seconds = setup.size(4, 1) as u64;
    let micros = |micros: f64| micros / 1e6;
    let goals = [
        Goal::below("p50", Unit::Seconds, micros(50.0)),
        Goal::below("p99", Unit::Seconds, micros(250.0)),
        Goal::below("p99.9", Unit::Seconds, micros(2_000.0)),
    ];
    let schedule = || Schedule::new(RATE, seconds * RATE);
    Race::of(work)
        .enter("the clock alone, 2 threads", [], || Ok(run(by_hand::run(&schedule())?)))
        .enter("timely, 2 workers", [], || Ok(run(timely::run(&schedule())?)))
        .enter("DataStream, 2 workers", goals, || Ok(run(data_stream::run(&schedule())?)))
        .run(setup)
}

/// The figures, and how many records came through.
fn run(latencies: Histogram) -> Run<u64> {
    Run { figures: figures(&latencies), result: latencies.count() }
}

/// The three percentiles.
pub(crate) fn figures(latencies: &Histogram) -> Vec<Figure> {
    let figure = |label, share| {
        let nanos = latencies.at(share) as f64;
        Figure { label, ..Figure::new(Unit::Seconds, nanos / 1e9) }
    };
    vec![figure("p50", 0.5), figure("p99", 0.99), figure("p99.9", 0.999)]
}

/// The engine alone, to be looked at with a profiler.
pub(crate) fn task(setup: &Setup, _: &str) -> Result<()> {
    let schedule = Schedule::new(RATE, setup.size(4, 1) as u64 * RATE);
    let figures = run(data_stream::run(&schedule)?).figures;
    figures.iter().for_each(|figure| println!("{figure}"));
    Ok(())
}
