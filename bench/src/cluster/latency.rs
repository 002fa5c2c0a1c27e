//! How long a record takes from the moment it was to be sent to the moment its result is at the sink of another process.
//!
//! The program of the latency inside of one process, on two executors with a slot each. Counted are the results in the
//! process that has no source: each of them came through the network. What stays in the source's process is not looked at.

use std::time::Duration;

use millstream::{Failure, Result};

use super::{folder, leave, left, on_executors, wait_for};
use crate::arguments::Setup;
use crate::figure::Unit;
use crate::goal::Goal;
use crate::latency::{Histogram, Job, RATE, Schedule, figures};
use crate::race::{Race, Run};
use crate::start_up::since_epoch;
use crate::table::Row;

/// Until the processes are there: their records' times begin then.
const START: Duration = Duration::from_millis(1_500);

/// The three percentiles, each with its goal.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let goals = [
        Goal::below("p50", Unit::Seconds, 120e-6),
        Goal::below("p99", Unit::Seconds, 1e-3),
        Goal::below("p99.9", Unit::Seconds, 4e-3),
    ];
    Race::of(work).enter("DataStream, 2 processes", goals, || one(setup)).run(setup)
}

fn one(setup: &Setup) -> Result<Run<u64>> {
    let folder = folder()?;
    let start = (since_epoch()? + START).as_nanos();
    on_executors(setup, &format!("latency-across {start} {}", folder.path().display()), &[1, 1])?;
    // The source's process and the master leave nothing.
    let mut left = left(folder.path())?;
    let (Some(buckets), true) = (left.pop(), left.is_empty()) else {
        return Err(Failure::internal("not one process has results from another"));
    };
    let found = Histogram::of(buckets);
    Ok(Run { figures: figures(&found), result: found.count() })
}

/// The program.
pub(crate) fn task(setup: &Setup, given: &str) -> Result<()> {
    let wrong = || Failure::user(format!("`{given}` is no time and folder"));
    let (start, folder) = given.split_once(' ').ok_or_else(wrong)?;
    let start = Duration::from_nanos(start.parse().map_err(|error| wrong().because(error))?);
    let schedule = Schedule::new(RATE, setup.size(4, 1) as u64 * RATE);
    schedule.begin_in(start.saturating_sub(since_epoch()?));
    let job = Job::new(&schedule);
    job.run()?;
    let found = job.found();
    // The one with the source leaves nothing.
    wait_for(folder, 1)?;
    if job.had_source() || found.count() == 0 { Ok(()) } else { leave(folder, found.buckets()) }
}
