//! Records that came and wait for the job.
//!
//! Holds: they take no more memory than the limit, but for one run of records that is alone and larger.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How soon one who waits looks whether it is over.
const LOOK: Duration = Duration::from_millis(50);

/// A run of records of one client.
pub(super) struct Run<T> {
    pub(super) records: Vec<T>,
    pub(super) peer: Arc<str>,
    /// The number of its first record among the client's, from 1.
    pub(super) first: u64,
    /// What it counts against the limit.
    pub(super) bytes: usize,
}

pub(super) struct Intake<T> {
    limit: usize,
    waiting: Mutex<(VecDeque<Run<T>>, usize)>,
    changed: Condvar,
    stopped: AtomicBool,
}

impl<T> Intake<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, waiting: Mutex::default(), changed: Condvar::new(), stopped: AtomicBool::new(false) }
    }

    fn waiting(&self) -> MutexGuard<'_, (VecDeque<Run<T>>, usize)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a run where the job finds it, once there is room; `false` if it is over.
    pub(super) fn put(&self, run: Run<T>) -> bool {
        let mut waiting = self.waiting();
        while waiting.1 > 0 && waiting.1.saturating_add(run.bytes) > self.limit {
            if self.is_stopped() {
                return false;
            }
            waiting = self.changed.wait_timeout(waiting, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.1 += run.bytes;
        waiting.0.push_back(run);
        drop(waiting);
        self.changed.notify_all();
        true
    }

    /// The next run, if one comes within that time.
    pub(super) fn take(&self, patience: Duration) -> Option<Run<T>> {
        let until = Instant::now() + patience;
        let mut waiting = self.waiting();
        while waiting.0.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            waiting = self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let run = waiting.0.pop_front();
        waiting.1 -= run.as_ref().map_or(0, |run| run.bytes);
        drop(waiting);
        self.changed.notify_all();
        run
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}
