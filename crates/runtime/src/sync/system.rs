//! The operating system's threads and clock.

pub(crate) use std::sync::atomic;
pub(crate) use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use std::thread::{Builder, JoinHandle};

use std::sync::PoisonError;
use std::time::Instant;

/// The time.
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits for a message, until `deadline` if there is one.
pub(crate) fn receive_until<T>(
    messages: &Receiver<T>,
    deadline: Option<Instant>,
) -> Result<T, RecvTimeoutError> {
    match deadline {
        None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(deadline) => messages.recv_timeout(deadline.saturating_duration_since(now())),
    }
}

/// Waits to be notified, until `deadline` if there is one; may wake for no reason.
pub(crate) fn wait_until<'a, T>(
    condition: &Condvar,
    _: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    deadline: Option<Instant>,
) -> MutexGuard<'a, T> {
    match deadline {
        None => condition.wait(guard).unwrap_or_else(PoisonError::into_inner),
        Some(deadline) => {
            let left = deadline.saturating_duration_since(now());
            condition.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
        }
    }
}
