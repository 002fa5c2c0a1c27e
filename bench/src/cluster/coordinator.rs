//! What a checkpoint costs the process that coordinates it, as the channels of a job become more.
//!
//! A keyed count between as many sources as counters, in few executors with many slots each: all channels there are
//! between them. The master is a process of its own with nothing else in it, and says what it used.
//! Holds: each record was counted once, and each run completed checkpoints.

use std::time::Duration;

use millstream::connectors::generator::Generator;
use millstream::{CheckpointSettings, Failure, Result, StreamEnvironment};

use super::{folder, leave, left, on_executors, role, wait_for};
use crate::arguments::Setup;
use crate::figure::{Figure, Unit};
use crate::goal::Goal;
use crate::process;
use crate::race::{Race, Run};
use crate::table::Row;
use crate::tally::TallySink;

/// Records a second, and for how many seconds.
const RATE: u64 = 20_000;
const EXECUTORS: u32 = 4;

/// The processor's time and the memory of the master, for three numbers of channels.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    // By how much more channels there are.
    let (five, ten) = (70.0 * 70.0 / 1_024.0, 10_000.0 / 1_024.0);
    let linear = |times| [Goal::at_most(times, "1,024 channels")];
    Race::of(work)
        .enter("1,024 channels", [], || one(setup, 32))
        .enter("4,900 channels", linear(five), || one(setup, 70))
        .enter("10,000 channels", linear(ten), || one(setup, 100))
        .run(setup)
}

fn one(setup: &Setup, subtasks: u32) -> Result<Run<u64>> {
    let folder = folder()?;
    let task = format!("coordinated {subtasks} {}", folder.path().display());
    let slots = subtasks.div_ceil(EXECUTORS);
    let said = on_executors(setup, &task, &[slots; EXECUTORS as usize])?;
    let (mut updates, mut used) = (0, None);
    for process in left(folder.path())? {
        match process[..] {
            [counted] => updates += counted,
            [micros, bytes, checkpoints] if checkpoints > 0 => used = Some((micros, bytes, checkpoints)),
            _ => return Err(Failure::internal("no checkpoint was completed")),
        }
    }
    let expected = records(setup);
    if updates != expected {
        let told = format!("{updates} of {expected} records were counted, with {subtasks} subtasks: {said}");
        return Err(Failure::internal(told));
    }
    let (micros, bytes, checkpoints) = used.ok_or_else(|| Failure::internal("the master left nothing"))?;
    let figures = vec![
        Figure { label: "CPU", ..Figure::new(Unit::Seconds, micros as f64 / 1e6 / checkpoints as f64) },
        Figure { label: "peak", ..Figure::new(Unit::Bytes, bytes as f64) },
    ];
    Ok(Run { figures, result: updates })
}

fn records(setup: &Setup) -> u64 {
    setup.size(5, 1) as u64 * RATE
}

/// The program.
pub(crate) fn task(setup: &Setup, given: &str) -> Result<()> {
    let wrong = || Failure::user(format!("`{given}` is no number of subtasks and folder"));
    let (subtasks, folder) = given.split_once(' ').ok_or_else(wrong)?;
    let env = StreamEnvironment::new();
    env.set_parallelism(subtasks.parse().map_err(|error| wrong().because(error))?);
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(50),
        ..CheckpointSettings::in_folder(format!("{folder}/checkpoints"))
    });
    let (sink, tally) = TallySink::new();
    env.source(Generator::new(|n| n, Some(records(setup))).rate(RATE as f64))
        .key_by(|n| *n)
        .count()
        .sink_to(sink);
    let result = env.execute("coordinated")?;
    if role().as_deref() != Some("master") {
        return leave(folder, tally.take().parts().into_iter().take(1));
    }
    wait_for(folder, EXECUTORS as usize)?;
    let seconds = process::processor_seconds().unwrap_or_default();
    let peak = process::peak_memory().unwrap_or_default();
    leave(folder, [(seconds * 1e6) as u64, peak, result.checkpoints])
}
