//! The records that a receiver has taken in and no batch has done with: a bounded buffer, cut at each batch time.
//!
//! Answers for the bound, and for making the receiver wait at it. Not for reading.
//! Holds: the records held (waiting to be cut, queued in batches, being processed) are never more than the limit, nor
//! their bytes but for one record that is larger alone; nothing is dropped. After `stop` there is no limit, so that what was
//! already read is not lost: one read of the receiver at most.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::batch::Batch;
use millstream_model::time::Timestamp;

/// How much one receiver may hold.
#[derive(Clone, Copy, Debug)]
pub struct HoldLimits {
    /// Records, at least 1.
    pub records: usize,
    /// Bytes; a single record may be larger.
    pub bytes: usize,
}

/// Records and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Amount {
    fn plus(self, other: Self) -> Self {
        Self { records: self.records + other.records, bytes: self.bytes + other.bytes }
    }

    fn minus(self, other: Self) -> Self {
        Self { records: self.records - other.records, bytes: self.bytes - other.bytes }
    }
}

pub(super) struct Blocks<T> {
    limits: HoldLimits,
    weigh: fn(&T) -> usize,
    held: Mutex<Held<T>>,
    changed: Condvar,
}

/// What is held, and the most that ever was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Levels {
    pub(super) held: Amount,
    pub(super) most: Amount,
    pub(super) received: u64,
    pub(super) waits: bool,
}

struct Held<T> {
    open: Vec<Batch<T>>,
    open_amount: Amount,
    /// What is in batches that are not done.
    cut: BTreeMap<Timestamp, Amount>,
    levels: Levels,
    stopped: bool,
}

impl<T> Blocks<T> {
    pub(super) fn new(limits: HoldLimits, weigh: fn(&T) -> usize) -> Self {
        let held = Held {
            open: Vec::new(),
            open_amount: Amount::default(),
            cut: BTreeMap::new(),
            levels: Levels::default(),
            stopped: false,
        };
        Self { limits, weigh, held: Mutex::new(held), changed: Condvar::new() }
    }

    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, held: MutexGuard<'a, Held<T>>) -> MutexGuard<'a, Held<T>> {
        self.changed.wait(held).unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all of `batch`, in as many pieces as there is room for; waits for room.
    pub(super) fn push(&self, batch: &mut Batch<T>) {
        while !batch.is_empty() {
            let mut held = self.held();
            let piece = loop {
                let piece = self.fitting(&held, batch.records());
                if piece.records > 0 {
                    break piece;
                }
                held.levels.waits = true;
                self.changed.notify_all();
                held = self.wait(held);
            };
            held.levels.waits = false;
            held.open.push(batch.take_front(piece.records));
            held.open_amount = held.open_amount.plus(piece);
            held.levels.received += piece.records as u64;
            held.levels.held = held.levels.held.plus(piece);
            held.levels.most.records = held.levels.most.records.max(held.levels.held.records);
            held.levels.most.bytes = held.levels.most.bytes.max(held.levels.held.bytes);
            self.changed.notify_all();
        }
    }

    /// How many of `records`, from the first on, there is room for.
    fn fitting(&self, held: &Held<T>, records: &[T]) -> Amount {
        let (limits, now) = (self.limits, held.levels.held);
        let mut piece = Amount::default();
        for record in records {
            let with = piece.plus(Amount { records: 1, bytes: (self.weigh)(record) });
            let fits = now.records + with.records <= limits.records.max(1)
                && now.bytes.saturating_add(with.bytes) <= limits.bytes;
            // A record larger than the limit is taken alone, or it would never be.
            if !fits && !held.stopped && (now.records > 0 || piece.records > 0) {
                break;
            }
            piece = with;
        }
        piece
    }

    /// Takes out what came since the last cut, for the batch of `time`.
    pub(super) fn cut(&self, time: Timestamp) -> Vec<Batch<T>> {
        let mut held = self.held();
        let amount = std::mem::take(&mut held.open_amount);
        if amount.records > 0 {
            held.cut.insert(time, amount);
        }
        std::mem::take(&mut held.open)
    }

    /// The batch of `time` is done: its records make room for others.
    pub(super) fn done(&self, time: Timestamp) {
        let mut held = self.held();
        if let Some(amount) = held.cut.remove(&time) {
            held.levels.held = held.levels.held.minus(amount);
            self.changed.notify_all();
        }
    }

    /// No more is to be read.
    pub(super) fn stop(&self) {
        self.held().stopped = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.held().stopped
    }

    /// Whether there is something to be cut.
    pub(super) fn has_open(&self) -> bool {
        !self.held().open.is_empty()
    }

    pub(super) fn levels(&self) -> Levels {
        self.held().levels
    }

    /// Waits, at most `patience`, for [`Blocks::stop`].
    pub(super) fn wait_for_stop(&self, patience: std::time::Duration) {
        let held = self.held();
        if !held.stopped {
            drop(self.changed.wait_timeout(held, patience));
        }
    }

    /// Waits until the levels are as they should be.
    pub(super) fn wait_for_levels(&self, wanted: impl Fn(&Levels) -> bool) -> Levels {
        let mut held = self.held();
        while !wanted(&held.levels) {
            held = self.wait(held);
        }
        held.levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn numbers(count: u64) -> Batch<u64> {
        Batch::from((0..count).collect::<Vec<_>>())
    }

    fn bound(records: usize, bytes: usize) -> Blocks<u64> {
        Blocks::new(HoldLimits { records, bytes }, |_| 8)
    }

    #[test]
    fn a_receiver_waits_at_the_limit_until_a_batch_is_done() {
        let blocks = bound(100, usize::MAX);
        std::thread::scope(|scope| {
            let pushed = scope.spawn(|| blocks.push(&mut numbers(250)));
            assert_eq!(blocks.wait_for_levels(|levels| levels.waits).held.records, 100);
            let first: usize = blocks.cut(at(1)).iter().map(Batch::len).sum();
            assert_eq!((first, blocks.levels().held.records), (100, 100), "what is cut is still held");
            blocks.done(at(1));
            blocks.wait_for_levels(|levels| levels.waits && levels.received == 200);
            blocks.cut(at(2));
            blocks.done(at(2));
            pushed.join().unwrap();
        });
        let levels = blocks.levels();
        assert_eq!((levels.received, levels.held.records, levels.most.records), (250, 50, 100));
    }

    #[test]
    fn bytes_are_bounded_as_well_and_a_record_larger_than_the_bound_comes_alone() {
        let blocks = bound(1000, 24);
        std::thread::scope(|scope| {
            scope.spawn(|| blocks.push(&mut numbers(4)));
            assert_eq!(blocks.wait_for_levels(|levels| levels.waits).held, Amount { records: 3, bytes: 24 });
            blocks.cut(at(1));
            blocks.done(at(1));
        });
        assert_eq!(blocks.levels().received, 4);
        let small = bound(1000, 7);
        std::thread::scope(|scope| {
            scope.spawn(|| small.push(&mut numbers(2)));
            assert_eq!(small.wait_for_levels(|levels| levels.waits).held.records, 1);
            small.stop();
        });
    }

    #[test]
    fn what_was_read_before_the_stop_is_taken_in_whole() {
        let blocks = bound(10, usize::MAX);
        std::thread::scope(|scope| {
            scope.spawn(|| blocks.push(&mut numbers(30)));
            blocks.wait_for_levels(|levels| levels.waits);
            blocks.stop();
        });
        assert_eq!(blocks.cut(at(1)).iter().map(Batch::len).sum::<usize>(), 30);
        assert!(!blocks.has_open());
    }
}
