//! The batches that wait, the one that is processed, and how it all ends.
//!
//! Answers for the queue between the thread that cuts batches and the one that processes them, for its bound, and for
//! whoever waits for either. Not for what a batch is.
//! Holds: batches leave in the order they came; phases only go forward; the first failure is the one that is told.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};

use super::status::{BatchInfo, Phase, StreamingStatus};

/// How a streaming program is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The batch being processed is finished; those in the queue, and what receivers hold, are dropped.
    Now,
    /// Receivers stop first; then everything that they had taken in is processed, in a last batch if need be.
    Gracefully,
}

/// The queue of batches, the one that is processed, and how far the program is.
pub struct Progress {
    state: Mutex<State>,
    changed: Condvar,
    longest_queue: usize,
}

struct State {
    phase: Phase,
    stop: Option<Stop>,
    queue: VecDeque<BatchInfo>,
    /// No batch will follow those in the queue.
    closed: bool,
    processing: Option<BatchInfo>,
    completed: u64,
    completed_records: u64,
    last: Option<BatchInfo>,
    failure: Option<Ending>,
}

/// The failure itself goes to the first who asks, its words to all others.
enum Ending {
    Untold(Failure),
    Told(String),
}

/// Whether a wait was long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Termination {
    /// The context has ended.
    Ended,
    /// It runs on.
    TimedOut,
}

impl Progress {
    pub(super) fn new(longest_queue: usize) -> Self {
        let state = State {
            phase: Phase::Ready,
            stop: None,
            queue: VecDeque::new(),
            closed: false,
            processing: None,
            completed: 0,
            completed_records: 0,
            last: None,
            failure: None,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), longest_queue: longest_queue.max(1) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.changed.wait_while(state, condition).unwrap_or_else(PoisonError::into_inner)
    }

    /// From ready to running; an error in any other phase.
    pub fn begin(&self) -> Result<()> {
        let mut state = self.state();
        match state.phase {
            Phase::Ready => state.phase = Phase::Running,
            Phase::Running => return Err(Failure::user("the streaming context was started already")),
            Phase::Stopping | Phase::Stopped => {
                return Err(Failure::user("the streaming context was stopped, and cannot be started again")
                    .advice("make a new StreamingContext; it may use the same Context"));
            }
        }
        Ok(())
    }

    /// Asks for the end. A stop that is under way can only be made shorter.
    pub fn stop(&self, how: Stop) {
        let mut state = self.state();
        if state.phase == Phase::Ready {
            state.phase = Phase::Stopped;
        } else if state.phase == Phase::Running {
            state.phase = Phase::Stopping;
        }
        if state.stop != Some(Stop::Now) {
            state.stop = Some(how);
        }
        if how == Stop::Now {
            state.queue.clear();
        }
        self.changed.notify_all();
    }

    /// Stops because of a failure.
    pub fn fail(&self, failure: Failure) {
        self.state().failure.get_or_insert(Ending::Untold(failure));
        self.stop(Stop::Now);
    }

    /// How it is to stop, if it is.
    pub fn stopping(&self) -> Option<Stop> {
        self.state().stop
    }

    /// Waits until the queue has room for one more batch, or there is to be a stop.
    pub fn wait_for_room(&self) {
        let full = |state: &mut State| state.queue.len() >= self.longest_queue && state.stop.is_none();
        drop(self.wait_while(self.state(), full));
    }

    /// Puts a batch into the queue, unless what is queued is to be dropped; says how many batches then wait.
    pub fn submit(&self, batch: BatchInfo) -> usize {
        let mut state = self.state();
        if state.stop != Some(Stop::Now) {
            state.queue.push_back(batch);
        }
        self.changed.notify_all();
        state.queue.len()
    }

    /// No batch follows.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// The next batch to process, begun at the time that `now` says; `None` when there will be none.
    pub fn next(&self, now: impl Fn() -> millstream_model::time::Timestamp) -> Option<BatchInfo> {
        let mut state = self.wait_while(self.state(), |state| state.queue.is_empty() && !state.closed);
        let batch = state.queue.pop_front()?;
        let batch = BatchInfo { started: Some(now()), ..batch };
        state.processing = Some(batch);
        self.changed.notify_all();
        Some(batch)
    }

    /// A batch is processed that another process has told, and `done` before it.
    pub(super) fn follow(&self, batch: BatchInfo, done: u64) {
        let mut state = self.state();
        (state.processing, state.completed) = (Some(batch), done);
        self.changed.notify_all();
    }

    /// What the program fails of, if it does.
    pub(super) fn failure(&self) -> Option<Failure> {
        match &self.state().failure {
            None => None,
            Some(Ending::Untold(failure)) => Some(failure.told_again()),
            Some(Ending::Told(words)) => Some(Failure::external(words.clone())),
        }
    }

    /// The batch is done.
    pub fn complete(&self, batch: BatchInfo) {
        let mut state = self.state();
        state.processing = None;
        state.completed += 1;
        state.completed_records += batch.records;
        state.last = Some(batch);
        self.changed.notify_all();
    }

    /// Everything has ended.
    pub fn end(&self) {
        let mut state = self.state();
        state.phase = Phase::Stopped;
        state.processing = None;
        self.changed.notify_all();
    }

    /// Waits for the end, at most for `patience`.
    pub fn wait_for_end(&self, patience: Option<Duration>) -> Result<Termination> {
        let state = self.state();
        if state.phase == Phase::Ready {
            return Err(Failure::user("the streaming context was not started").advice("call start() first"));
        }
        let runs = |state: &mut State| state.phase != Phase::Stopped;
        let mut state = match patience.map(|patience| Instant::now().checked_add(patience)) {
            None | Some(None) => self.wait_while(state, runs),
            Some(Some(until)) => {
                let left = until.saturating_duration_since(Instant::now());
                self.changed.wait_timeout_while(state, left, runs).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if state.phase != Phase::Stopped {
            return Ok(Termination::TimedOut);
        }
        state.tell()?;
        Ok(Termination::Ended)
    }

    /// Waits until `count` batches are done in all.
    pub fn wait_for_batches(&self, count: u64) -> Result<()> {
        let wanted = |state: &mut State| state.completed < count && state.phase != Phase::Stopped;
        let mut state = self.wait_while(self.state(), wanted);
        if state.completed >= count {
            return Ok(());
        }
        state.tell()?;
        Err(Failure::user(format!(
            "the streaming context was stopped after {} of the {count} batches waited for",
            state.completed
        )))
    }

    /// The status, without receivers.
    pub fn status(&self) -> StreamingStatus {
        self.state().status()
    }

    /// Waits until the status is as it should be.
    pub fn wait_for_status(&self, wanted: impl Fn(&StreamingStatus) -> bool) -> StreamingStatus {
        self.wait_while(self.state(), |state| !wanted(&state.status())).status()
    }
}

impl State {
    fn status(&self) -> StreamingStatus {
        StreamingStatus {
            phase: self.phase,
            queued_batches: self.queue.len(),
            processing: self.processing,
            completed_batches: self.completed,
            last_completed: self.last,
            completed_records: self.completed_records,
            receivers: Vec::new(),
        }
    }

    fn tell(&mut self) -> Result<()> {
        match self.failure.take() {
            None => Ok(()),
            Some(Ending::Untold(failure)) => {
                self.failure = Some(Ending::Told(failure.to_string()));
                Err(failure)
            }
            Some(Ending::Told(words)) => {
                let again = Failure::external(words.clone());
                self.failure = Some(Ending::Told(words));
                Err(again)
            }
        }
    }
}
