//! Batches in memory, in the order in which they came, and up to which of them agents were told.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_model::error::{Failure, Result};

use super::Bell;
use crate::flume::event::FlumeEvent;
use crate::flume::wire::cursor::Cursor;
use crate::flume::wire::packed::{Packed, unpack};

/// How soon one who waits looks whether it is over.
const LOOK: Duration = Duration::from_millis(100);

pub(super) struct Queue {
    at_once: bool,
    state: Mutex<State>,
    acknowledged: Condvar,
    bell: Arc<Bell>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Packed>,
    /// The number of the last batch that was put in, from 1.
    last: u64,
    /// All batches up to this number are safe.
    safe: u64,
}

impl Queue {
    pub(super) fn new(at_once: bool, bell: Arc<Bell>) -> Self {
        Self { at_once, state: Mutex::default(), acknowledged: Condvar::new(), bell }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a batch in; gives its number.
    pub(super) fn put(&self, batch: Packed) -> u64 {
        let mut state = self.state();
        state.waiting.push_back(batch);
        state.last += 1;
        let own = state.last;
        drop(state);
        self.bell.ring();
        own
    }

    /// Waits until the batch is safe; `false` if it is over before.
    pub(super) fn wait(&self, own: u64, is_over: &dyn Fn() -> bool) -> bool {
        if self.at_once {
            return true;
        }
        let mut state = self.state();
        while state.safe < own {
            if is_over() {
                return false;
            }
            state = self.acknowledged.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub(super) fn next(&self) -> Option<Opened> {
        let packed = self.state().waiting.pop_front()?;
        Some(Opened { packed, at: 0, given: 0 })
    }

    pub(super) fn acknowledge(&self, upto: u64) {
        self.state().safe = upto;
        self.acknowledged.notify_all();
    }
}

/// A batch that is being given.
#[derive(Default)]
pub(super) struct Opened {
    packed: Packed,
    at: usize,
    given: u32,
}

impl Opened {
    /// Whether all of it was given.
    pub(super) fn is_empty(&self) -> bool {
        self.given == self.packed.count
    }

    pub(super) fn bytes(&self) -> usize {
        self.packed.bytes.len()
    }

    pub(super) fn give(&mut self, most: usize, mut give: impl FnMut(FlumeEvent)) -> Result<usize> {
        let mut cursor = Cursor::new(&self.packed.bytes[self.at..]);
        let mut given = 0;
        while given < most && !self.is_empty() {
            let event = unpack(&mut cursor).map_err(|error| {
                Failure::internal("events were kept in a form that cannot be read").because(error)
            })?;
            self.given += 1;
            given += 1;
            give(event);
        }
        self.at += cursor.at();
        Ok(given)
    }
}
