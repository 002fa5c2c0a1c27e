//! Where batches of agents are taken in: into the log, or, without one, into memory until a checkpoint has them.
//!
//! Answers for when an agent may be told that its batch is taken, for the bound on what waits, and for handing events to
//! the job. Not for connections.
//! Holds: `take` says yes only for what is safe as the setting `acknowledge` has it; what it refused was not kept.

mod bell;
mod budget;
mod counts;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};

pub(super) use self::bell::Bell;
pub(super) use self::budget::Budget;
use self::counts::Counts;
use self::queue::Queue;
use super::event::FlumeEvent;
use super::log::{Appended, Log, LogPlace, LogReader};
use super::wire::packed::Packed;

/// What a buffer keeps of its memory for the next batch.
const KEPT: usize = 256 << 10;

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The agent may forget it.
    Yes,
    /// There was no room: the agent is to keep it.
    No,
    /// Nobody waits for the answer any more.
    Over,
}

/// One for each address.
pub(super) struct Intake {
    way: Way,
    pub(super) budget: Budget,
    pub(super) counts: Counts,
    answer_within: Duration,
    stopped: AtomicBool,
    failed: Mutex<Option<Failure>>,
}

enum Way {
    Logged(Log),
    Queued(Queue),
}

impl Intake {
    pub(super) fn logged(log: Log, memory: usize, answer_within: Duration) -> Self {
        Self::new(Way::Logged(log), memory, answer_within)
    }

    /// Without a log; `at_once` says that batches are safe enough when they are in memory.
    pub(super) fn queued(
        at_once: bool,
        bell: &std::sync::Arc<Bell>,
        memory: usize,
        answer_within: Duration,
    ) -> Self {
        Self::new(Way::Queued(Queue::new(at_once, bell.clone())), memory, answer_within)
    }

    fn new(way: Way, memory: usize, answer_within: Duration) -> Self {
        let (stopped, failed) = (AtomicBool::new(false), Mutex::new(None));
        let (budget, counts) = (Budget::new(memory), Counts::default());
        Self { way, budget, counts, answer_within, stopped, failed }
    }

    /// Takes events, and waits until they are safe; leaves none of them. `is_over` tells whether whoever sent them has
    /// gone.
    pub(super) fn take(&self, events: &mut Packed, is_over: &dyn Fn() -> bool) -> Taken {
        if events.count == 0 {
            return Taken::Yes;
        }
        let count = events.count;
        let taken = self.put(events, is_over);
        self.counts.note(count, taken);
        taken
    }

    fn put(&self, events: &mut Packed, is_over: &dyn Fn() -> bool) -> Taken {
        let is_over = || self.is_stopped() || is_over();
        let until = Instant::now() + self.answer_within;
        match &self.way {
            Way::Logged(log) => {
                // Here, and in what waits to be written.
                let bytes = 2 * events.bytes.len();
                if !self.budget.wait_for(bytes, until, &is_over) {
                    events.clear();
                    return if is_over() { Taken::Over } else { Taken::No };
                }
                let appended = log.append(events, until, &|| self.is_stopped());
                self.budget.free(bytes);
                events.clear();
                events.bytes.shrink_to(KEPT);
                match appended {
                    Ok(Appended::Yes) => Taken::Yes,
                    Ok(Appended::NoRoom) => Taken::No,
                    Err(failure) => {
                        self.fail(failure);
                        Taken::No
                    }
                }
            }
            Way::Queued(queue) => {
                let bytes = events.bytes.len();
                if !self.budget.wait_for(bytes, until, &is_over) {
                    events.clear();
                    return if is_over() { Taken::Over } else { Taken::No };
                }
                let own = queue.put(std::mem::take(events));
                if queue.wait(own, &is_over) { Taken::Yes } else { Taken::Over }
            }
        }
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Ends the job with a failure; the first one holds.
    pub(super) fn fail(&self, failure: Failure) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }

    fn failure(&self) -> Option<Failure> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The job's side of an intake: gives events, and is told of checkpoints.
pub(super) struct Outlet {
    reader: LogReader,
    /// The batch that is being given, of an intake without a log.
    batch: queue::Opened,
    /// The number of the last batch that was given to its end.
    given: u64,
    marked: (LogPlace, u64),
    /// The places of the last completed checkpoints, the oldest first.
    completed: VecDeque<LogPlace>,
    keep: usize,
}

impl Outlet {
    /// From `place` on; the log keeps what follows `keep` checkpoints.
    pub(super) fn new(place: LogPlace, keep: usize) -> Self {
        Self {
            reader: LogReader::new(place),
            batch: queue::Opened::default(),
            given: 0,
            marked: (place, 0),
            completed: VecDeque::from([place]),
            keep,
        }
    }

    /// Gives up to `most` events; how many there were.
    ///
    /// # Errors
    /// If events cannot be taken in any more, or not be read.
    pub(super) fn read(
        &mut self,
        intake: &Intake,
        most: usize,
        give: impl FnMut(FlumeEvent),
    ) -> Result<usize> {
        if let Some(failure) = intake.failure() {
            return Err(failure);
        }
        match &intake.way {
            Way::Logged(log) => self.reader.read(log, most, give),
            Way::Queued(queue) => {
                if self.batch.is_empty() {
                    match queue.next() {
                        None => return Ok(0),
                        Some(batch) => self.batch = batch,
                    }
                }
                let given = self.batch.give(most, give)?;
                if self.batch.is_empty() {
                    intake.budget.free(self.batch.bytes());
                    self.given += 1;
                }
                Ok(given)
            }
        }
    }

    /// A checkpoint is taken of what was given so far.
    pub(super) fn mark(&mut self) -> LogPlace {
        self.marked = (self.reader.place(), self.given);
        self.marked.0
    }

    /// The checkpoint that was marked is complete.
    ///
    /// # Errors
    /// If the log cannot be trimmed.
    pub(super) fn complete(&mut self, intake: &Intake) -> Result<()> {
        match &intake.way {
            Way::Queued(queue) => queue.acknowledge(self.marked.1),
            Way::Logged(log) => {
                self.completed.push_back(self.marked.0);
                while self.completed.len() > self.keep {
                    self.completed.pop_front();
                }
                let kept = self.completed.front().copied().unwrap_or_default();
                log.trim(self.marked.0, kept)?;
            }
        }
        Ok(())
    }
}
