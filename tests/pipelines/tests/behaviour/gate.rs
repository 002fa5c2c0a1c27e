//! A source that a test lets go on by hand.
//!
//! Holds: its reader emits no more than it was allowed to; while it is held, it does not return from a poll, and so
//! hears nothing, no barrier either.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use millstream::batch::Batch;
use millstream::source::{
    Boundedness, NextSplit, Polled, Promise, Source, SourceOutput, SourceReader, Split, SplitEnumerator,
};
use millstream::{Result, Subtask};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default)]
struct State {
    /// Numbers below this may be emitted.
    allowed: u64,
    /// The reader is not to return from its poll.
    held: bool,
    /// The reader is in a poll and does not return.
    waits: bool,
    /// How many numbers the reader has emitted.
    emitted: u64,
    /// How often the reader was asked for its splits, for a checkpoint.
    snapshots: u64,
}

/// Emits `base`, `base + 1`, ... as far as it is allowed, without end.
#[derive(Clone)]
pub(crate) struct Gate {
    base: u64,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Gate {
    pub(crate) fn new(base: u64, allowed: u64) -> Self {
        let state = State { allowed, ..State::default() };
        Self { base, state: Arc::new((Mutex::new(state), Condvar::new())) }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.0.lock().unwrap());
        self.state.1.notify_all();
    }

    fn wait(&self, until: impl Fn(&State) -> bool) {
        drop(self.state.1.wait_while(self.state.0.lock().unwrap(), |state| !until(state)).unwrap());
    }

    /// Lets it emit so many numbers in all.
    pub(crate) fn allow(&self, allowed: u64) {
        self.change(|state| state.allowed = allowed);
    }

    /// From its next poll on, its reader does not return.
    pub(crate) fn close(&self) {
        self.change(|state| state.held = true);
    }

    /// Waits until its reader, after [`Gate::close`], hears nothing any more.
    pub(crate) fn wait_until_held(&self) {
        self.wait(|state| state.waits);
    }

    /// Lets it go on.
    pub(crate) fn open(&self) {
        self.change(|state| state.held = false);
    }

    /// Waits until its reader has emitted so many numbers.
    pub(crate) fn wait_until_emitted(&self, count: u64) {
        self.wait(|state| state.emitted >= count);
    }

    /// Waits until its reader has taken part in so many checkpoints.
    pub(crate) fn wait_for_snapshots(&self, count: u64) {
        self.wait(|state| state.snapshots >= count);
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct From(u64);

impl Split for From {
    fn id(&self) -> String {
        format!("from {}", self.0)
    }
}

impl Source for Gate {
    type Record = u64;
    type Split = From;

    fn name(&self) -> String {
        format!("Gate {}", self.base)
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<From>>> {
        Ok(Box::new(Enumerator(if restored.is_some() { Vec::new() } else { vec![From(0)] })))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<u64, From>>> {
        Ok(Box::new(Reader { gate: self.clone(), split: None }))
    }
}

struct Enumerator(Vec<From>);

impl SplitEnumerator<From> for Enumerator {
    fn next_split(&mut self, _: Subtask) -> Result<NextSplit<From>> {
        Ok(self.0.pop().map_or(NextSplit::Wait, NextSplit::Split))
    }

    fn add_back(&mut self, splits: Vec<From>) {
        self.0.extend(splits);
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

struct Reader {
    gate: Gate,
    split: Option<From>,
}

impl SourceReader<u64, From> for Reader {
    fn add_split(&mut self, split: From) -> Result<()> {
        self.split = Some(split);
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, u64>, patience: Duration) -> Result<Polled> {
        let Some(From(next)) = &mut self.split else { return Ok(Polled::NeedSplit) };
        let (state, changed) = &*self.gate.state;
        let mut state = state.lock().unwrap();
        while state.held {
            state.waits = true;
            changed.notify_all();
            state = changed.wait(state).unwrap();
        }
        state.waits = false;
        let nothing = |state: &mut State| !state.held && state.allowed <= *next;
        let state = changed.wait_timeout_while(state, patience, nothing).unwrap().0;
        if state.held || state.allowed <= *next {
            return Ok(Polled::Nothing);
        }
        drop(state);
        *next += 1;
        output.emit(&mut Batch::from(vec![self.gate.base + *next - 1]))?;
        self.gate.change(|state| state.emitted += 1);
        Ok(Polled::More)
    }

    fn snapshot(&mut self) -> Vec<From> {
        self.gate.change(|state| state.snapshots += 1);
        self.split.iter().cloned().collect()
    }
}
