//! Wakes the job's thread when one of several intakes has something.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Counts how often it was rung, so that no ring between a look and a wait is missed.
#[derive(Default)]
pub(in crate::flume) struct Bell {
    rung: Mutex<u64>,
    changed: Condvar,
}

impl Bell {
    pub(in crate::flume) fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// How often it was rung.
    pub(in crate::flume) fn count(&self) -> u64 {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has been rung more often than `seen`, or for so long.
    pub(in crate::flume) fn wait(&self, seen: u64, patience: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if *rung <= seen {
            // Woken for nothing, the job looks and waits again.
            let _ = self.changed.wait_timeout(rung, patience);
        }
    }
}
