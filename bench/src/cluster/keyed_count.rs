//! The keyed count on two processes with a slot each, beside two threads of one process.
//!
//! Holds: both run the same program, each process with its own copy of the input; the clock runs from the first record that
//! any process makes to the end of the job in the last of them, so that starting processes does not count.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use millstream::connectors::generator::Generator;
use millstream::{Failure, Mode, Result, StreamEnvironment};

use super::{folder, leave, left, on_executors, wait_for};
use crate::arguments::Setup;
use crate::figure::Unit;
use crate::goal::Goal;
use crate::keyed_count::numbers;
use crate::process;
use crate::race::{Race, Run};
use crate::start_up::since_epoch;
use crate::table::Row;
use crate::tally::TallySink;

/// How many numbers the input has that is gone through again and again.
const NUMBERS: usize = 1 << 22;

/// The last count of each of a million keys.
pub(crate) fn last(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    race(setup, work, "last")
}

/// Each new count of 100,000 keys.
pub(crate) fn every(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    race(setup, work, "every")
}

fn race(setup: &Setup, work: &str, kind: &str) -> Result<Vec<Row>> {
    let run = |start: &dyn Fn(&str) -> Result<()>| {
        let folder = folder()?;
        start(&format!("counted {kind} {}", folder.path().display()))?;
        found(setup, &left(folder.path())?)
    };
    Race::of(work)
        .enter("1 process, 2 threads", [], || run(&|task| process::run(setup, task).map(drop)))
        .enter("2 processes, 1 slot each", [Goal::at_least(0.7, "1 process, 2 threads")], || {
            run(&|task| on_executors(setup, task, &[1, 1]).map(drop))
        })
        .run(setup)
}

fn count(setup: &Setup) -> u64 {
    setup.size(100_000_000, 200_000) as u64
}

fn found(setup: &Setup, left: &[Vec<u64>]) -> Result<Run<(u64, u64)>> {
    let (mut first, mut last, mut updates, mut sum) = (u64::MAX, 0, 0, 0);
    for process in left {
        let [began, ended, own, own_sum] = process[..] else {
            return Err(Failure::internal("a process left something else than four numbers"));
        };
        first = first.min(began);
        last = last.max(ended);
        updates += own;
        sum += own_sum;
    }
    let seconds = Duration::from_nanos(last.saturating_sub(first)).as_secs_f64();
    Ok(Run::new(Unit::MillionsPerSecond, count(setup) as f64 / 1e6 / seconds, (updates, sum)))
}

/// The program.
pub(crate) fn task(setup: &Setup, given: &str) -> Result<()> {
    let wrong = || Failure::user(format!("`{given}` is no kind of count and folder"));
    let (kind, folder) = given.split_once(' ').ok_or_else(wrong)?;
    let (mode, keys) = if kind == "last" { (Mode::Batch, 1_000_000) } else { (Mode::Streaming, 100_000) };
    let (input, first) = (numbers(NUMBERS, keys), Arc::<OnceLock<u64>>::default());
    let began = first.clone();
    let make = move |n: u64| {
        began.get_or_init(|| since_epoch().map_or(0, nanos));
        input[n as usize % NUMBERS]
    };
    let env = StreamEnvironment::new();
    env.set_mode(mode).set_parallelism(2);
    let (sink, tally) = TallySink::new();
    env.source(Generator::new(make, Some(count(setup)))).key_by(|n| *n).count().sink_to(sink);
    env.execute("keyed count")?;
    let ended = nanos(since_epoch()?);
    let [updates, sum] = tally.take().parts();
    wait_for(folder, 2)?;
    leave(folder, [first.get().copied().unwrap_or(u64::MAX), ended, updates, sum])
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
