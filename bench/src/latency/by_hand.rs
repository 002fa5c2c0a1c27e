//! No engine at all: threads that do nothing but look at the clock.
//!
//! What they are late by, the machine took from them: what any engine on it is late by at least.

use std::{hint, thread};

use millstream::{Failure, Result};

use super::{Histogram, Schedule, WORKERS};

/// Watches for each record to be due; gives by how much each was seen too late.
pub(super) fn run(schedule: &Schedule) -> Result<Histogram> {
    let mut found = Histogram::new();
    let watch = |first| move || one_thread(schedule, first);
    thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..u64::from(WORKERS)).map(|first| scope.spawn(watch(first))).collect();
        for thread in threads {
            found.merge(
                &thread.join().map_err(|_| Failure::internal("a thread that watched the clock died"))?,
            );
        }
        Ok(())
    })?;
    Ok(found)
}

fn one_thread(schedule: &Schedule, first: u64) -> Histogram {
    let mut own = Histogram::new();
    for number in (first..schedule.total()).step_by(WORKERS as usize) {
        while schedule.now() < schedule.due(number) {
            hint::spin_loop();
        }
        if let Some(nanos) = schedule.latency(number) {
            own.add(nanos);
        }
    }
    own
}
