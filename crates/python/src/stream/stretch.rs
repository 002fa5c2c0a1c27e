//! The operator that runs Python: a stretch of functions between two exchanges.
//!
//! Answers for calling the stretch in the engine's order, for its state and timers, and for its attempts. Not for the
//! interpreter it runs in (`seat`) nor for what the functions are (`millstream._stream.stretch`).
//! Holds: what the stretch wrote to state before a barrier is in the snapshot of that barrier.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{Barrier, Mode, Operator, OperatorContext, Output, Wakeup};
use millstream_dataflow::state::OperatorSnapshot;
use millstream_dataflow::state::keyed::TimeDomain;
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use millstream_model::time::Timestamp;
use pyo3::prelude::*;

use super::chunk::Chunk;
use super::here::{Here, Threads};
use super::keyed::Keyed;
use super::seat::{Call, Given, Reply, Seat};
use super::there::There;
use super::workers::Crew;

/// What a stretch is told when it is opened.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The pickled description of what it does.
    pub(super) spec: Arc<Vec<u8>>,
    pub(super) subtask: Subtask,
    /// From 0.
    pub(super) attempt: u64,
    pub(super) max_parallelism: u16,
    pub(super) is_batch: bool,
    /// How far event time had come in the checkpoint.
    pub(super) watermark: i64,
}

/// What the subtasks of a stretch share.
pub(super) struct StretchNode {
    pub(super) spec: Arc<Vec<u8>>,
    /// Whether it keeps state by key.
    pub(super) is_keyed: bool,
    /// The workers; without them it runs in this interpreter.
    pub(super) crew: Option<Arc<Crew>>,
    pub(super) threads: Threads,
    pub(super) opened: Attempts,
}

/// How often each subtask was opened.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<u32, u64>>);

impl Attempts {
    /// The number of the attempt that begins, from 0.
    pub(super) fn next(&self, subtask: u32) -> u64 {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = opened.entry(subtask).or_insert(0);
        *count += 1;
        *count - 1
    }
}

/// One subtask of a stretch.
pub(super) struct Stretch {
    node: Arc<StretchNode>,
    sides: SharedSides,
    seat: Option<Seat>,
    keyed: Option<Keyed>,
    wakeup: Wakeup,
    /// When the functions want to be called, other than for timers.
    wake: i64,
}

impl Stretch {
    pub(super) fn new(node: Arc<StretchNode>, sides: SharedSides) -> Self {
        Self { node, sides, seat: None, keyed: None, wakeup: Wakeup::default(), wake: i64::MAX }
    }

    fn call(&mut self, call: Call, given: Given<'_>) -> Result<()> {
        let seat = self.seat.as_mut().ok_or_else(|| Failure::internal("a stretch was used unopened"))?;
        let Reply { timers, entries, wake } = seat.call(call, given, &self.sides)?;
        if timers.is_some() || entries.is_some() {
            let keyed = self.keyed.as_mut();
            let keyed = keyed.ok_or_else(|| Failure::internal("a stretch without keys has state"))?;
            Python::attach(|py| {
                timers.map_or(Ok(()), |timers| keyed.change_timers(timers.bind(py)))?;
                entries.map_or(Ok(()), |entries| keyed.write(entries.bind(py)))
            })?;
        }
        if let Some(wake) = wake {
            self.wake = wake;
            self.wakeup.request(Timestamp::from_millis(wake));
        }
        Ok(())
    }

    fn due(&mut self, domain: TimeDomain, up_to: Timestamp) -> Result<Vec<(Vec<u8>, i64)>> {
        self.keyed.as_mut().map_or(Ok(Vec::new()), |keyed| keyed.due(domain, up_to))
    }
}

impl Operator<Chunk, ()> for Stretch {
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.wakeup = context.wakeup.clone();
        self.keyed = if self.node.is_keyed { Some(Keyed::open(context)?) } else { None };
        let setting = Setting {
            spec: self.node.spec.clone(),
            subtask: context.subtask,
            attempt: self.node.opened.next(context.subtask.index),
            max_parallelism: context.max_parallelism.get(),
            is_batch: context.mode == Mode::Batch,
            watermark: self.keyed.as_ref().map_or(Timestamp::MIN, Keyed::watermark).millis(),
        };
        let keyed = self.keyed.as_ref();
        self.seat = Some(match &self.node.crew {
            Some(crew) => Seat::There(There::open(crew, &setting, keyed, context.cancelled.clone())?),
            None => Seat::Here(Here::open(&setting, keyed, self.node.threads.clone())?),
        });
        Ok(())
    }

    fn on_batch(&mut self, batch: &mut Batch<Chunk>, _: &mut Output<()>) -> Result<()> {
        for chunk in batch.take_records() {
            self.call(Call::Batch { input: chunk.input }, Given::Chunk(&chunk))?;
        }
        Ok(())
    }

    /// The stretch itself says how far event time has come behind it.
    fn on_watermark(&mut self, watermark: Timestamp, _: &mut Output<()>) -> Result<Option<Timestamp>> {
        let reached = self.keyed.as_mut().map_or(watermark, |keyed| keyed.advance(watermark));
        let due = self.due(TimeDomain::EventTime, reached)?;
        self.call(Call::Watermark(reached.millis()), Given::Timers(due))?;
        Ok(None)
    }

    fn on_processing_time(&mut self, now: Timestamp, _: &mut Output<()>) -> Result<()> {
        let due = self.due(TimeDomain::ProcessingTime, now)?;
        if !due.is_empty() || self.wake <= now.millis() {
            self.wake = i64::MAX;
            self.call(Call::Tick(now.millis()), Given::Timers(due))?;
        } else if self.wake < i64::MAX {
            self.wakeup.request(Timestamp::from_millis(self.wake));
        }
        if let Some(keyed) = &self.keyed {
            keyed.wake_for_next();
        }
        Ok(())
    }

    fn on_idle(&mut self) -> bool {
        // It is the stretch that says so, behind what it holds back; a failure comes with the next call.
        let _told = self.call(Call::Idle, Given::Nothing);
        false
    }

    fn tells_sides(&self) -> bool {
        true
    }

    fn on_end(&mut self, _: &mut Output<()>) -> Result<()> {
        self.call(Call::End, Given::Nothing)
    }

    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, _: Barrier) -> Result<()> {
        if self.keyed.is_none() {
            return Ok(());
        }
        self.call(Call::Snapshot, Given::Nothing)?;
        self.keyed.as_mut().map_or(Ok(()), |keyed| keyed.snapshot(snapshot))
    }
}

impl Drop for Stretch {
    fn drop(&mut self) {
        if let Some(mut seat) = self.seat.take() {
            // What a function raises while it is closed after a failure has nobody who waits for it.
            let _closed = seat.call(Call::Close, Given::Nothing, &self.sides);
        }
    }
}
