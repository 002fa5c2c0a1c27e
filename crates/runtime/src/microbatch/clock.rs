//! The clock that cuts a stream into batches: the machine's, or one that a test moves by hand.
//!
//! Holds: whoever waits is woken by the clock coming to its time, or by [`Clock::wake`], and by nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use millstream_model::time::Timestamp;

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The time has come.
    Reached,
    /// The wait was called off.
    CalledOff,
}

/// A clock that can be waited for: the machine's by default. Cheap to clone; all clones are one clock.
#[derive(Clone, Default)]
pub struct Clock(Arc<Face>);

#[derive(Default)]
struct Face {
    /// What the clock shows; `None`: what the machine's shows.
    manual: Mutex<Option<Timestamp>>,
    moved: Condvar,
}

impl Clock {
    /// What it shows.
    pub fn now(&self) -> Timestamp {
        self.0.manual.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(Timestamp::now)
    }

    /// Waits until the clock shows `time`, or `called_off` is set and [`Clock::wake`] was called.
    pub(super) fn wait_until(&self, time: Timestamp, called_off: &AtomicBool) -> Waited {
        let mut manual = self.0.manual.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if called_off.load(Ordering::SeqCst) {
                return Waited::CalledOff;
            }
            let left = time.since(manual.unwrap_or_else(Timestamp::now));
            if left.is_zero() {
                return Waited::Reached;
            }
            manual = match *manual {
                Some(_) => self.0.moved.wait(manual).unwrap_or_else(PoisonError::into_inner),
                None => self.0.moved.wait_timeout(manual, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Lets those who wait look again whether they are called off.
    pub(super) fn wake(&self) {
        let _held = self.0.manual.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.moved.notify_all();
    }
}

/// A clock that stands still until it is moved, so that a test decides when each batch is cut. Cheap to clone; all
/// clones are one clock.
#[derive(Clone)]
pub struct ManualClock(Clock);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Clock(Arc::new(Face { manual: Mutex::new(Some(now)), moved: Condvar::new() })))
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// The clock that it moves.
    pub fn clock(&self) -> Clock {
        self.0.clone()
    }

    /// Moves it on; each batch time passed cuts a batch.
    pub fn advance(&self, by: Duration) {
        let face = &self.0.0;
        let mut manual = face.manual.lock().unwrap_or_else(PoisonError::into_inner);
        *manual = manual.map(|now| now + by);
        face.moved.notify_all();
    }
}

impl std::fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ManualClock").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_the_clock_is_moved_to_its_time() {
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let (waiting, never) = (clock.0.clone(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let waited = scope.spawn(|| waiting.wait_until(Timestamp::from_millis(1000), &never));
            clock.advance(Duration::from_millis(999));
            clock.advance(Duration::from_millis(1));
            assert_eq!(waited.join().unwrap(), Waited::Reached);
        });
    }

    #[test]
    fn a_wait_can_be_called_off_on_either_clock() {
        for clock in [Clock::default(), ManualClock::new(Timestamp::from_millis(0)).0] {
            let called_off = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let waited = scope.spawn(|| clock.wait_until(Timestamp::MAX, &called_off));
                called_off.store(true, Ordering::SeqCst);
                clock.wake();
                assert_eq!(waited.join().unwrap(), Waited::CalledOff);
            });
        }
    }
}
