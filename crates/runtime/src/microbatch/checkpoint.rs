//! What is written down of a program that runs, so that another process can go on where this one was killed.
//!
//! A batch is logged when it is cut, before it is processed: its time and what each input gave to it. When it is done, the
//! data sets that later batches ask for are written. A program that is taken up again gets these data sets, processes the
//! batches after them that were cut, each with what it had been given, and then those whose times have passed since.
//!
//! Answers for what is written and when, and for taking a program up again. Not for files (`millstream_state::BatchStore`).
//! Holds: a batch that was processed was logged before; what is carried is written with the batch that it is of, or not at
//! all, so that each batch changes it once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use millstream_state::{BatchLog, BatchStore, CarriedSets, InputLog, SavedBlock, SavedSet};

use super::given::{Given, GivenBlock, Shelf};
use super::program::Program;
use super::together::{Beginning, GivenBatches};
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
        let (checkpoints, found) = Self::find(plan, program)?;
        let Some(log) = found else { return Ok((checkpoints, None)) };
        let resumed = resume(&checkpoints.store, &log, plan, program)
            .map_err(|failure| failure.within(checkpoints.cannot_go_on()))?;
        checkpoints.say_goes_on(resumed.pending.len());
        Ok((checkpoints, Some(resumed)))
    }

    /// Takes the folder for a program of several processes, in the one that leads. What is carried is in the folder whenever a
    /// batch is done, so that each of them is written as done.
    pub(super) fn open_together(
        plan: &CheckpointPlan,
        program: &dyn Program,
    ) -> Result<(Self, Option<BatchLog>)> {
        let (checkpoints, found) = Self::find(plan, program)?;
        Ok((Self { every: Duration::ZERO, ..checkpoints }, found))
    }

    /// Takes the folder; gives its log, if the program goes on from it.
    fn find(plan: &CheckpointPlan, program: &dyn Program) -> Result<(Self, Option<BatchLog>)> {
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
        if let Some(log) = &found {
            check(&store, log, &fresh)?;
        }
        let log = Mutex::new(found.clone().unwrap_or(fresh));
        Ok((Self { store, every: plan.every, log }, found))
    }

    fn cannot_go_on(&self) -> String {
        format!("cannot go on from the checkpoint in {}", self.store.name())
    }

    fn say_goes_on(&self, pending: usize) {
        tracing::info!(folder = %self.store.name(), pending, "goes on where it was left");
    }

    /// Says what all processes are to be told to go on from a log, and takes what the batches are given that it has as cut and
    /// not done; these are returned.
    pub(super) fn stand(
        &self,
        log: &BatchLog,
        program: &dyn Program,
        beginning: &mut Beginning,
        given: &mut GivenBatches,
    ) -> Result<Vec<Timestamp>> {
        for (entry, input) in log.inputs.iter().zip(program.inputs()) {
            input.resume(&entry.position).map_err(|failure| failure.within(self.cannot_go_on()))?;
        }
        (beginning.zero, beginning.resumed) = (log.zero, Some(log.cut));
        let mut all = given_batches(log);
        *given = all.split_off(&Timestamp::from_millis(log.done.saturating_add(1)));
        beginning.given = all.into_iter().map(|(time, given)| (time.millis(), given)).collect();
        for (at, stream) in log.carried.iter().enumerate() {
            for set in &stream.sets {
                let parts = self.parts(at, &stream.name, set, &beginning.run);
                let parts = parts.map_err(|failure| failure.within(self.cannot_go_on()))?;
                beginning.carried.push((at, set.time, parts));
            }
        }
        let pending: Vec<_> = pending(log, program.timeline().interval());
        self.say_goes_on(pending.len());
        Ok(pending)
    }

    /// The partitions of a data set in files of their own; made so where one process had written them together.
    fn parts(&self, at: usize, name: &str, set: &SavedSet, run: &str) -> Result<Vec<SavedBlock>> {
        if !set.parts().is_empty() {
            return Ok(set.parts().to_vec());
        }
        let blocks = self.store.read_set(name, set).map_err(store_failure)?;
        let write = |(part, bytes): (usize, &Vec<u8>)| {
            let file = format!("carried-{run}-was-{at}-{}-{part}", set.time);
            self.store.blocks().write(&file, bytes).map_err(store_failure)
        };
        blocks.iter().enumerate().map(write).collect()
    }

    /// Writes a partition of what an input received for the batch of `time`.
    pub(super) fn received(
        &self,
        input: usize,
        time: Timestamp,
        part: usize,
        bytes: &[u8],
    ) -> Result<SavedBlock> {
        self.store.write_received(input, time.millis(), part, bytes).map_err(store_failure)
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

    /// The batch of `time` was cut; the blocks of what was `given` to it are written down.
    pub(super) fn cut(&self, time: Timestamp, program: &dyn Program, given: &[Given]) -> Result<()> {
        let mut log = self.log();
        for (at, (entry, input)) in log.inputs.iter_mut().zip(program.inputs()).enumerate() {
            let logged = input.log();
            entry.position = logged.position;
            entry.batches.push((time.millis(), logged.batch));
            let stored = given.get(at).into_iter().flat_map(|given| &given.blocks).filter_map(stored);
            let stored: Vec<SavedBlock> = stored.collect();
            if !stored.is_empty() {
                entry.blocks.push((time.millis(), stored));
            }
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
                    None => match program.parts(at, kept) {
                        Some(parts) => SavedSet::of_parts(kept.millis(), parts),
                        None => {
                            let blocks = program.save(at, kept)?;
                            self.store.write_set(at, kept.millis(), &blocks).map_err(store_failure)?
                        }
                    },
                });
            }
            carried.push(CarriedSets { name: old.name.clone(), sets });
        }
        let mut log = self.log();
        (log.carried, log.done) = (carried, time.millis());
        let asked_for = (time - program.looks_back()).millis();
        for input in &mut log.inputs {
            input.batches.retain(|(time, _)| *time > asked_for);
            input.blocks.retain(|(time, _)| *time > asked_for);
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

fn stored(block: &GivenBlock) -> Option<SavedBlock> {
    match block {
        GivenBlock::Stored(block) => Some(block.clone()),
        GivenBlock::Told(_) => None,
    }
}

fn given(words: &[String], blocks: &[SavedBlock]) -> Given {
    Given { words: words.to_vec(), blocks: blocks.iter().cloned().map(GivenBlock::Stored).collect() }
}

/// What each batch of the log was given, input by input: each input has an entry for each batch.
fn given_batches(log: &BatchLog) -> GivenBatches {
    let mut all = GivenBatches::new();
    for entry in &log.inputs {
        let blocks: BTreeMap<i64, &[SavedBlock]> =
            entry.blocks.iter().map(|(time, blocks)| (*time, &blocks[..])).collect();
        for (time, words) in &entry.batches {
            let blocks = blocks.get(time).copied().unwrap_or_default();
            all.entry(Timestamp::from_millis(*time)).or_default().push(given(words, blocks));
        }
    }
    all
}

/// The batches that were cut and are not done.
fn pending(log: &BatchLog, interval: Duration) -> Vec<Timestamp> {
    let mut pending = Vec::new();
    let mut time = Timestamp::from_millis(log.done) + interval;
    while time <= Timestamp::from_millis(log.cut) {
        pending.push(time);
        time = time + interval;
    }
    pending
}

fn resume(
    store: &BatchStore,
    log: &BatchLog,
    plan: &CheckpointPlan,
    program: &dyn Program,
) -> Result<Resumed> {
    let (zero, cut) = (Timestamp::from_millis(log.zero), Timestamp::from_millis(log.cut));
    program.timeline().resume(zero);
    program.resumed(zero, cut);
    program.shelve(Shelf::open(&plan.folder, "alone".to_owned())?);
    for (entry, input) in log.inputs.iter().zip(program.inputs()) {
        input.resume(&entry.position)?;
        let mut blocks: BTreeMap<i64, &[SavedBlock]> =
            entry.blocks.iter().map(|(time, blocks)| (*time, &blocks[..])).collect();
        for (time, batch) in &entry.batches {
            let at = Timestamp::from_millis(*time);
            match blocks.remove(time) {
                Some(blocks) => input.give(at, &given(batch, blocks))?,
                None => input.again(at, batch)?,
            }
        }
    }
    for (at, stream) in log.carried.iter().enumerate() {
        for set in &stream.sets {
            let blocks = store.read_set(&stream.name, set).map_err(store_failure)?;
            program.restore(at, Timestamp::from_millis(set.time), blocks)?;
        }
    }
    Ok(Resumed { pending: pending(log, program.timeline().interval()), cut })
}
