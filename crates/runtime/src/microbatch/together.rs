//! A program of batches in several processes: one leads, the others follow.
//!
//! The leader has the clock, the receivers and the checkpoint. Before each batch it tells all processes the batch's time and what
//! its inputs gave, as a numbered job of the program; so all make the same data sets and come to the same actions. A follower
//! does nothing that it was not told to.
//!
//! Answers for what is told, and for following. Not for the order of things in the leader (`batches`) nor for what is written
//! down (`checkpoint`).
//! Holds: a batch was logged before it is told; nothing that is told depends on who hears it, or when.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::ThreadId;

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use millstream_state::SavedBlock;
use serde::{Deserialize, Serialize};

use super::batches::{Batches, catching, spawn};
use super::checkpoint::Checkpoints;
use super::given::{Given, GivenBlock, Shelf};
use super::input::Input;
use super::status::BatchInfo;
use crate::stage::{ProgramRole, StageEngine};

/// The job that tells a batch.
const NEXT: &str = "the next batch of the stream";

/// What batches that were cut are given, input by input.
pub(super) type GivenBatches = BTreeMap<Timestamp, Vec<Given>>;

/// Where the program begins, or goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Beginning {
    /// The time before the first batch.
    pub(super) zero: i64,
    /// The last batch that an earlier process had cut.
    pub(super) resumed: Option<i64>,
    /// A name that no other run has.
    pub(super) run: String,
    /// What earlier batches were given, as far as later ones ask for it, oldest first.
    pub(super) given: Vec<(i64, Vec<Given>)>,
    /// The data sets that are carried on: the number of the stream, the batch, the partitions.
    pub(super) carried: Vec<(usize, i64, Vec<SavedBlock>)>,
}

/// What there is to do next.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Turn {
    /// A batch: its time, what its inputs gave, how many were done before it.
    Batch(i64, Vec<Given>, u64),
    /// Nothing more.
    End,
}

/// What the leader goes on with behind the beginning.
struct Led {
    first: Timestamp,
    pending: Vec<Timestamp>,
}

impl Batches {
    fn given(&self) -> MutexGuard<'_, GivenBatches> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the program in this process, one of several.
    pub(super) fn start_together(self: &Arc<Self>, engine: &Arc<StageEngine>) -> Result<()> {
        let leads = engine.role() == ProgramRole::Leads;
        self.is_following.store(!leads, Ordering::SeqCst);
        let carried = self.program.carried();
        if self.checkpoint_plan().is_none() && !carried.is_empty() {
            return Err(Failure::user(format!(
                "the program carries something from batch to batch ({}) and has no checkpoint folder",
                carried.join(", ")
            ))
            .advice(
                "on a cluster call checkpoint(folder), or make the program by get_or_create(folder, ...), with a folder that \
                 all machines see: what a lost executor had is read from there",
            ));
        }
        let mut led = None;
        let what = format!("the beginning of the stream\n{}", self.description());
        let beginning = engine.once(&what, || {
            let (beginning, ahead) = self.lead()?;
            led = Some(ahead);
            Ok(beginning)
        })?;
        self.take_up(&beginning)?;
        let own = std::thread::current().id();
        let (go, gate) = channel::<()>();
        let (batches, its_engine) = (Arc::clone(self), Arc::clone(engine));
        let run = move || {
            if gate.recv().is_ok() {
                batches.run_together(&its_engine, own);
            }
        };
        let thread = spawn("batch-jobs", run)?;
        if let Some(led) = led {
            led.pending.into_iter().for_each(|time| self.submit(time));
            let cutter = Arc::clone(self);
            spawn("batch-cutter", move || cutter.cut_all(led.first))?;
        }
        engine.hand_over(thread, true);
        // It waits for this as long as it lives.
        let _sent = go.send(());
        Ok(())
    }

    /// What makes this program another one than others, in lines.
    fn description(&self) -> String {
        let interval = self.program.timeline().interval();
        let mut text = format!("batches of {} ms\n", interval.as_millis());
        for input in self.program.inputs() {
            text.push_str(&format!("input {}\n", input.name()));
        }
        for carried in self.program.carried() {
            text.push_str(&format!("carried on by {carried}\n"));
        }
        text.push_str(&self.program.describe());
        text
    }

    /// Begins, or finds out where to go on: in the leader alone.
    fn lead(self: &Arc<Self>) -> Result<(Beginning, Led)> {
        let run = format!("{:x}-{:x}", Timestamp::now().millis(), std::process::id());
        let mut beginning = Beginning { zero: 0, resumed: None, run, given: Vec::new(), carried: Vec::new() };
        let mut pending = Vec::new();
        if let Some(plan) = self.checkpoint_plan() {
            let (checkpoints, found) = Checkpoints::open_together(&plan, &*self.program)?;
            if let Some(log) = found {
                pending = checkpoints.stand(&log, &*self.program, &mut beginning, &mut self.given())?;
            }
            *self.checkpoints() = Some(Arc::new(checkpoints));
        }
        let events = self.receiver_events();
        for input in self.program.inputs() {
            input.start(&events)?;
        }
        let interval = self.program.timeline().interval();
        let first = match beginning.resumed {
            Some(cut) => Timestamp::from_millis(cut) + interval,
            None => {
                let begun = self.program.timeline().begin(self.clock.now());
                beginning.zero = (begun - interval).millis();
                self.checkpointed(|checkpoints| checkpoints.begin(begun - interval))?;
                begun
            }
        };
        Ok((beginning, Led { first, pending }))
    }

    /// Goes on from where the program is: in each process.
    fn take_up(&self, beginning: &Beginning) -> Result<()> {
        if let Some(plan) = self.checkpoint_plan() {
            self.program.shelve(Shelf::open(&plan.folder, beginning.run.clone())?);
        }
        let zero = Timestamp::from_millis(beginning.zero);
        self.program.timeline().resume(zero);
        if let Some(cut) = beginning.resumed {
            self.program.resumed(zero, Timestamp::from_millis(cut));
        }
        for (time, given) in &beginning.given {
            self.give(Timestamp::from_millis(*time), given)?;
        }
        for (at, time, parts) in &beginning.carried {
            self.program.restore_parts(*at, Timestamp::from_millis(*time), parts.clone())?;
        }
        Ok(())
    }

    /// Gives the inputs what all processes were told.
    fn give(&self, time: Timestamp, given: &[Given]) -> Result<()> {
        for (input, given) in self.program.inputs().iter().zip(given) {
            input
                .give(time, given)
                .map_err(|failure| failure.within(format!("the inputs of the batch of {time} failed")))?;
        }
        Ok(())
    }

    /// The thread that comes to the program's actions.
    fn run_together(&self, engine: &StageEngine, program: ThreadId) {
        match engine.role() {
            ProgramRole::Follows => self.follow(engine),
            _ => self.process_all(),
        }
        engine.hand_over(program, false);
        self.progress.end();
    }

    fn follow(&self, engine: &StageEngine) {
        let decided = || Err(Failure::internal("a batch was to be decided by a process that follows"));
        loop {
            let batch = match engine.once(NEXT, decided) {
                Ok(Turn::Batch(time, given, done)) => (Timestamp::from_millis(time), given, done),
                Ok(Turn::End) => break,
                Err(failure) => {
                    self.fail(failure);
                    break;
                }
            };
            let (time, given, done) = batch;
            let now = self.clock.now();
            let batch = BatchInfo { time, records: 0, submitted: now, started: Some(now), ended: None };
            self.progress.follow(batch, done);
            let processed = catching(|| {
                self.give(time, &given)?;
                self.program.process(time)?;
                self.program.forget(time);
                Ok(())
            });
            if let Err(failure) = processed {
                self.fail(failure);
                break;
            }
            self.progress.complete(BatchInfo { ended: Some(self.clock.now()), ..batch });
        }
        self.program.clear();
    }

    /// Takes what the inputs have for the batch of `time`, and writes down what nobody could read again.
    pub(super) fn take(&self, time: Timestamp, inputs: &[Arc<dyn Input>]) -> Result<u64> {
        let (mut records, mut all) = (0, Vec::with_capacity(inputs.len()));
        let checkpoints = self.checkpoints().clone();
        for (at, input) in inputs.iter().enumerate() {
            let taken = input.take(time)?;
            records += taken.records;
            let blocks = taken.blocks.into_iter().enumerate().map(|(part, bytes)| match &checkpoints {
                Some(checkpoints) => checkpoints.received(at, time, part, &bytes).map(GivenBlock::Stored),
                None => Ok(GivenBlock::Told(bytes)),
            });
            let blocks = blocks.collect::<Result<_>>()?;
            all.push(Given { words: input.log().batch, blocks });
        }
        self.checkpointed(|checkpoints| checkpoints.cut(time, &*self.program, &all))?;
        self.given().insert(time, all);
        Ok(records)
    }

    /// Tells all processes the batch of `time`, and gives it to the inputs here.
    pub(super) fn tell_batch(&self, engine: &StageEngine, time: Timestamp) -> Result<()> {
        let given = self.given().remove(&time).unwrap_or_default();
        let done = self.progress.status().completed_batches;
        let told = engine.once(NEXT, || Ok(Turn::Batch(time.millis(), given, done)))?;
        match told {
            Turn::Batch(_, given, _) => self.give(time, &given),
            Turn::End => Err(Failure::internal("a batch was told and the end was heard")),
        }
    }

    /// Tells all processes that there is no batch any more, and why, if something failed.
    pub(super) fn tell_end(&self, engine: &StageEngine) {
        let failure = self.progress.failure();
        let told = engine.once(NEXT, || failure.map_or(Ok(Turn::End), Err));
        if let Err(failure) = told {
            tracing::debug!(%failure, "the stream has ended with a failure");
        }
    }
}
