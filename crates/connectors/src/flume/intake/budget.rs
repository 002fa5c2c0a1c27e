//! The bound on the memory of an address.
//!
//! Holds: what was reserved and is not freed is within the limit, but for one that is alone and larger.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How soon one who waits looks whether it is over.
const LOOK: Duration = Duration::from_millis(50);

pub(in crate::flume) struct Budget {
    limit: usize,
    used: Mutex<usize>,
    freed: Condvar,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, used: Mutex::new(0), freed: Condvar::new() }
    }

    fn used(&self) -> MutexGuard<'_, usize> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves so many bytes; `false` if there was no room until then, or it is over.
    pub(in crate::flume) fn wait_for(
        &self,
        bytes: usize,
        until: Instant,
        is_over: &dyn Fn() -> bool,
    ) -> bool {
        let mut used = self.used();
        while *used > 0 && used.saturating_add(bytes) > self.limit {
            if Instant::now() >= until || is_over() {
                return false;
            }
            used = self.freed.wait_timeout(used, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        *used += bytes;
        true
    }

    pub(in crate::flume) fn free(&self, bytes: usize) {
        let mut used = self.used();
        *used = used.saturating_sub(bytes);
        drop(used);
        self.freed.notify_all();
    }
}
