//! Counting by key with a checkpoint every second, beside the same without.
//!
//! What a checkpoint costs is said twice: as throughput, and as the pause it makes for the records. A pause is how much
//! longer a counting thread took for the barrier and the 64 batches behind it than it usually takes for 64 batches: the
//! barrier's alignment, the freezing of the state, and the copying that the batches behind it pay for are all in it, and
//! so is what the scheduler does at that moment.

mod watch;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use millstream::connectors::generator::Generator;
use millstream::{CheckpointSettings, Failure, Result, StreamEnvironment};

use self::watch::{Watch, Watched};
use crate::arguments::{Scale, Setup};
use crate::figure::{Figure, Unit};
use crate::goal::Goal;
use crate::race::{Race, Run, timed};
use crate::table::Row;
use crate::tally::Tally;

/// The longest pause that is meant to be seen, in seconds.
const PAUSE: f64 = 0.020;

/// Two workers, a million keys.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let numbers: Arc<[u64]> = crate::keyed_count::numbers(1 << setup.size(24, 16), 1_000_000);
    let records = setup.size(200_000_000, 1_000_000) as u64;
    let folder = setup.inputs.folder().join(format!("checkpoints-{}", std::process::id()));
    let pauses = RefCell::new(Vec::new());
    let rate =
        |seconds: f64, tally: Tally| Run::new(Unit::MillionsPerSecond, records as f64 / 1e6 / seconds, tally);
    let rows = Race::of(work)
        .enter("no checkpoints", [], || {
            let (watched, seconds) = count(&numbers, records, None)?;
            Ok(rate(seconds, watched.tally))
        })
        .enter("every second", [Goal::at_least(0.9, "no checkpoints")], || {
            let settings = CheckpointSettings {
                interval: Duration::from_millis(setup.size(1000, 20) as u64),
                ..CheckpointSettings::in_folder(&folder)
            };
            let (watched, seconds) = count(&numbers, records, Some(settings))?;
            pauses.borrow_mut().extend(watched.pauses);
            std::fs::remove_dir_all(&folder)
                .map_err(|error| Failure::external("the checkpoints cannot be removed").because(error))?;
            Ok(rate(seconds, watched.tally))
        })
        .run(setup);
    let mut rows = rows?;
    rows.extend(pause_rows(work, &mut pauses.into_inner(), setup.scale));
    Ok(rows)
}

/// The median and the 99th percentile of all pauses of all runs.
fn pause_rows(work: &str, pauses: &mut [Duration], scale: Scale) -> Vec<Row> {
    pauses.sort();
    let row = |label: &'static str, at: usize, bound: Option<f64>| {
        let value = pauses.get(at)?.as_secs_f64();
        Some(Row {
            work: work.to_owned(),
            contender: "every second",
            figure: Figure { label, unit: Unit::Seconds, value },
            ratio: None,
            goal: bound.map(|bound| format!("<= {bound} s")),
            reached: bound.filter(|_| scale == Scale::Full).map(|bound| value <= bound),
        })
    };
    let p99 = (pauses.len() * 99).div_ceil(100).saturating_sub(1);
    [row("pause p50", pauses.len() / 2, None), row("pause p99", p99, Some(PAUSE))]
        .into_iter()
        .flatten()
        .collect()
}

/// What the sink saw, and the seconds from `execute` to its end.
fn count(
    numbers: &Arc<[u64]>,
    records: u64,
    checkpoints: Option<CheckpointSettings>,
) -> Result<(Watched, f64)> {
    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    if let Some(checkpoints) = checkpoints {
        env.enable_checkpoints(checkpoints);
    }
    let (own, mask) = (Arc::clone(numbers), numbers.len() - 1);
    let (sink, total) = Watch::new();
    env.source(Generator::new(move |n| own[n as usize & mask], Some(records)))
        .key_by(|n| *n)
        .count()
        .sink_to(sink);
    let (_, seconds) = timed(|| env.execute("checkpoints"))?;
    Ok((total.take(), seconds))
}
