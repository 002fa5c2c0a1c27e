//! What a subtask does with its time, and how much of its traffic goes to other processes.
//!
//! Answers for time spent waiting and for bytes. Not for records, which operators count.
//! Holds: a wait that has not ended counts up to now; what is neither a wait for input nor one for room is work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Something to do.
    Input,
    /// Room in a channel that leaves the subtask.
    Room,
}

/// The times and bytes of one subtask.
#[derive(Debug)]
pub struct Meter {
    born: Instant,
    /// In nanoseconds.
    idle: AtomicU64,
    /// In nanoseconds.
    backpressured: AtomicU64,
    /// Since when it waits, in nanoseconds after `born`, twice, with one more where it is for room; 0 while it works.
    waits: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// A reading of a meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// How long there was something to measure.
    pub alive: Duration,
    /// Of that, waiting for input.
    pub idle: Duration,
    /// Of that, waiting for room.
    pub backpressured: Duration,
    /// From other processes.
    pub bytes_in: u64,
    /// To other processes.
    pub bytes_out: u64,
}

impl Default for Meter {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            born: Instant::now(),
            idle: zero(),
            backpressured: zero(),
            waits: zero(),
            bytes_in: zero(),
            bytes_out: zero(),
        }
    }
}

impl Meter {
    fn age(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX / 4)
    }

    /// A wait, until what this gives is dropped. For the thread of the subtask.
    pub fn wait(&self, wait: Wait) -> Waiting<'_> {
        let since = self.age().max(1);
        self.waits.store(since * 2 + u64::from(wait == Wait::Room), Ordering::Relaxed);
        Waiting { meter: self, since, wait }
    }

    /// A wait that is over, of which nothing was said while it lasted.
    pub fn waited(&self, wait: Wait, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 4);
        self.of(wait).fetch_add(nanos, Ordering::Relaxed);
    }

    fn of(&self, wait: Wait) -> &AtomicU64 {
        match wait {
            Wait::Input => &self.idle,
            Wait::Room => &self.backpressured,
        }
    }

    /// Bytes came from another process.
    pub fn received(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes went to another process.
    pub fn sent(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// How it stands.
    pub fn read(&self) -> Reading {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (waits, age) = (load(&self.waits), self.age());
        let now = if waits == 0 { 0 } else { age.saturating_sub(waits / 2) };
        let (idle, room) = if waits % 2 == 0 { (now, 0) } else { (0, now) };
        Reading {
            alive: Duration::from_nanos(age),
            idle: Duration::from_nanos(load(&self.idle) + idle),
            backpressured: Duration::from_nanos(load(&self.backpressured) + room),
            bytes_in: load(&self.bytes_in),
            bytes_out: load(&self.bytes_out),
        }
    }
}

/// A wait that has not ended.
#[derive(Debug)]
pub struct Waiting<'a> {
    meter: &'a Meter,
    since: u64,
    wait: Wait,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waited = self.meter.age().saturating_sub(self.since);
        self.meter.of(self.wait).fetch_add(waited, Ordering::Relaxed);
        self.meter.waits.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAP: Duration = Duration::from_millis(20);

    #[test]
    fn waits_are_told_apart_also_while_they_last() {
        let meter = Meter::default();
        let waiting = meter.wait(Wait::Input);
        std::thread::sleep(NAP);
        assert!(meter.read().idle >= NAP, "it still waits");
        drop(waiting);
        let idle = meter.read().idle;
        let waiting = meter.wait(Wait::Room);
        std::thread::sleep(NAP);
        drop(waiting);
        let reading = meter.read();
        assert_eq!(reading.idle, idle, "waiting for room is not idleness");
        assert!(reading.backpressured >= NAP && reading.alive >= reading.idle + reading.backpressured);
    }
}
