//! What is written down of a program that runs, so that another process can go on where this one was killed.
//!
//! A batch is logged when it is cut, before it is processed: its time and what each input gave to it. When it is done, the
//! data sets that later batches ask for are written. A program that is taken up again gets these data sets, processes the
//! batches after them that were cut, each with what it had been given, and then those whose times have passed since.
//!
//! Answers for what is written and when, and for taking a program up again. Not for files (`millstream_state::BatchStore`).
//! Holds: a batch that was processed was logged before; what is carried is written with the batch that it is of, or not at
//! all, so that each batch changes it once.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use millstream_state::{BatchLog, BatchStore, CarriedSets, InputLog};

use super::program::Program;
use crate::job::store_failure;

/// Where a program that is checkpointed begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Where the folder says that it was left, if it says so.
    WhereLeft,
    /// Anew; what the folder says is forgotten.
    Anew,
}

/// How a program is checkpointed.
#[derive(Clone, Debug)]
pub struct CheckpointPlan {
    /// A local folder, made where it does not exist.
    pub folder: PathBuf,
    /// How often what is carried is written; with every batch, if it is no longer than one.
    pub every: Duration,
    /// Where the program begins.
    pub begin: Begin,
}

/// What is left of an earlier process.
pub(super) struct Resumed {
    /// The batches that it had cut and not done, in order.
    pub(super) pending: Vec<Timestamp>,
    /// The last that it had cut.
    pub(super) cut: Timestamp,
}

pub(super) struct Checkpoints {
    store: BatchStore,
    every: Duration,
    log: Mutex<BatchLog>,
}

impl Checkpoints {
    /// Takes the folder, and gives the program what is in it.
    pub(super) fn open(plan: &CheckpointPlan, program: &dyn Program) -> Result<(Self, Option<Resumed>)> {
        let store = BatchStore::open(&plan.folder).map_err(store_failure)?;
        let found = match plan.begin {
            Begin::WhereLeft => store.log().map_err(store_failure)?,
            Begin::Anew => None,
        };
        let mut fresh = BatchLog {
            interval: millis(program.timeline().interval()),
            carried: program
                .carried()
                .into_iter()
                .map(|name| CarriedSets { name, sets: Vec::new() })
                .collect(),
            ..BatchLog::default()
        };
        for input in program.inputs() {
            fresh.inputs.push(InputLog { name: input.name(), ..InputLog::default() });
        }
        let Some(log) = found else {
            return Ok((Self { store, every: plan.every, log: Mutex::new(fresh) }, None));
        };
        check(&store, &log, &fresh)?;
        let resumed = resume(&store, &log, program).map_err(|failure| {
            failure.within(format!("cannot go on from the checkpoint in {}", plan.folder.display()))
        })?;
        tracing::info!(folder = %plan.folder.display(), pending = resumed.pending.len(), "goes on where it was left");
        Ok((Self { store, every: plan.every, log: Mutex::new(log) }, Some(resumed)))
    }

    fn log(&self) -> MutexGuard<'_, BatchLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program begins anew behind this time.
    pub(super) fn begin(&self, zero: Timestamp) -> Result<()> {
        let mut log = self.log();
        (log.zero, log.cut, log.done) = (zero.millis(), zero.millis(), zero.millis());
        self.store.write_log(&log).map_err(store_failure)?;
        self.store.collect(&log).map_err(store_failure)
    }

    /// The batch of `time` was cut.
    pub(super) fn cut(&self, time: Timestamp, program: &dyn Program) -> Result<()> {
        let mut log = self.log();
        for (entry, input) in log.inputs.iter_mut().zip(program.inputs()) {
            let logged = input.log();
            entry.position = logged.position;
            entry.batches.push((time.millis(), logged.batch));
        }
        log.cut = time.millis();
        self.store.write_log(&log).map_err(store_failure)
    }

    /// The batch of `time` is done: writes what is carried behind it, if it is time to, or `last`.
    pub(super) fn done(&self, time: Timestamp, program: &dyn Program, last: bool) -> Result<()> {
        let before = self.log().clone();
        let since = time.since(Timestamp::from_millis(before.done));
        if time.millis() <= before.done || !last && since < self.every {
            return Ok(());
        }
        let mut carried = Vec::with_capacity(before.carried.len());
        for (at, old) in before.carried.iter().enumerate() {
            let mut sets = Vec::new();
            for kept in program.kept(at).into_iter().filter(|kept| *kept <= time) {
                let known = old.sets.iter().find(|set| set.time == kept.millis());
                sets.push(match known {
                    Some(set) => set.clone(),
                    None => {
                        let blocks = program.save(at, kept)?;
                        self.store.write_set(at, kept.millis(), &blocks).map_err(store_failure)?
                    }
                });
            }
            carried.push(CarriedSets { name: old.name.clone(), sets });
        }
        let mut log = self.log();
        (log.carried, log.done) = (carried, time.millis());
        let asked_for = (time - program.looks_back()).millis();
        for input in &mut log.inputs {
            input.batches.retain(|(time, _)| *time > asked_for);
        }
        self.store.write_log(&log).map_err(store_failure)?;
        self.store.collect(&log).map_err(store_failure)
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// Refuses a log of another program.
fn check(store: &BatchStore, log: &BatchLog, program: &BatchLog) -> Result<()> {
    let folder = store.name();
    let other = |what: &str, theirs: String, ours: String| {
        Err(Failure::user(format!(
            "the checkpoint in {folder} is of another program: its {what} {theirs}, here {ours}"
        ))
        .advice("go on with the program that wrote it, or begin anew in another folder"))
    };
    if log.interval != program.interval {
        return other("batches are", format!("{} ms long", log.interval), format!("{} ms", program.interval));
    }
    let names =
        |log: &BatchLog| log.inputs.iter().map(|input| input.name.clone()).collect::<Vec<_>>().join(", ");
    if names(log) != names(program) {
        return other("inputs are", names(log), names(program));
    }
    let carried =
        |log: &BatchLog| log.carried.iter().map(|each| each.name.clone()).collect::<Vec<_>>().join(", ");
    if carried(log) != carried(program) {
        return other("operations that carry something on are", carried(log), carried(program));
    }
    Ok(())
}

fn resume(store: &BatchStore, log: &BatchLog, program: &dyn Program) -> Result<Resumed> {
    let (zero, cut) = (Timestamp::from_millis(log.zero), Timestamp::from_millis(log.cut));
    program.timeline().resume(zero);
    program.resumed(zero, cut);
    for (entry, input) in log.inputs.iter().zip(program.inputs()) {
        input.resume(&entry.position)?;
        for (time, batch) in &entry.batches {
            input.again(Timestamp::from_millis(*time), batch)?;
        }
    }
    for (at, stream) in log.carried.iter().enumerate() {
        for set in &stream.sets {
            let blocks = store.read_set(&stream.name, set).map_err(store_failure)?;
            program.restore(at, Timestamp::from_millis(set.time), blocks)?;
        }
    }
    let interval = program.timeline().interval();
    let mut pending = Vec::new();
    let mut time = Timestamp::from_millis(log.done) + interval;
    while time <= cut {
        pending.push(time);
        time = time + interval;
    }
    Ok(Resumed { pending, cut })
}
