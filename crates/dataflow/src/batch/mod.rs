//! A run of records that travels together.
//!
//! Answers for keeping what belongs to a record (its time, the hash of its key, its place in the source) in step
//! with it. Not for how large a batch is: that is [`crate::operator::Output`]'s.
//! Holds: a column of times or hashes is empty or as long as the records.

mod drain;
mod origin;
mod prepared;

pub use drain::Drain;
pub use origin::Origin;
pub use prepared::{Prepared, PreparedHashes};

use millstream_model::error::Position;
use millstream_model::time::Timestamp;

/// How many records a batch holds when nothing else is asked for.
pub const DEFAULT_BATCH: usize = 1024;

/// A run of records with, where they have them, their event times and the hashes of their keys.
#[derive(Clone, Debug)]
pub struct Batch<T> {
    records: Vec<T>,
    times: Vec<Timestamp>,
    hashes: Vec<u64>,
    origin: Option<Origin>,
    /// How many records of a batch that is being drained were handed out.
    handed: usize,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { records: Vec::new(), times: Vec::new(), hashes: Vec::new(), origin: None, handed: 0 }
    }
}

impl<T> From<Vec<T>> for Batch<T> {
    /// Records without times.
    fn from(records: Vec<T>) -> Self {
        Self { records, ..Self::default() }
    }
}

impl<T> Extend<T> for Batch<T> {
    /// Adds records that have no event time.
    #[inline]
    fn extend<I: IntoIterator<Item = T>>(&mut self, records: I) {
        self.records.extend(records);
        if !self.times.is_empty() {
            self.times.resize(self.records.len(), Timestamp::MIN);
        }
    }
}

impl<T> Batch<T> {
    /// An empty batch with room for `capacity` records.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::from(Vec::with_capacity(capacity))
    }

    /// As [`Batch::with_capacity`] with room for the hashes of the records' keys.
    pub fn with_keyed_capacity(capacity: usize) -> Self {
        Self { hashes: Vec::with_capacity(capacity), ..Self::with_capacity(capacity) }
    }

    /// Records with their columns, each of which is empty or as long as the records; one that is not is left out.
    pub(crate) fn with_columns(records: Vec<T>, times: Vec<Timestamp>, hashes: Vec<u64>) -> Self {
        let times = if times.len() == records.len() { times } else { Vec::new() };
        let hashes = if hashes.len() == records.len() { hashes } else { Vec::new() };
        Self { records, times, hashes, ..Self::default() }
    }

    /// How many records there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records.
    #[inline]
    pub fn records(&self) -> &[T] {
        &self.records
    }

    /// The records, to be changed in place.
    #[inline]
    pub fn records_mut(&mut self) -> &mut [T] {
        &mut self.records
    }

    /// The event times: one for each record, or none at all.
    #[inline]
    pub fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// Whether the records have event times.
    #[inline]
    pub fn is_timed(&self) -> bool {
        !self.times.is_empty()
    }

    /// The hashes of the records' keys, as a keyed exchange found them: one for each record, or none at all.
    #[inline]
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Adds a record that has no event time.
    #[inline]
    pub fn push(&mut self, record: T) {
        self.records.push(record);
        if !self.times.is_empty() {
            self.times.push(Timestamp::MIN);
        }
    }

    /// Adds a record with its event time. Records already here without one get [`Timestamp::MIN`].
    #[inline]
    pub fn push_at(&mut self, record: T, time: Timestamp) {
        if self.times.len() != self.records.len() {
            self.times.resize(self.records.len(), Timestamp::MIN);
        }
        self.records.push(record);
        self.times.push(time);
    }

    /// Adds a record with the hash of its key. Only for a batch to which nothing else is added.
    #[inline]
    pub fn push_keyed(&mut self, record: T, time: Option<Timestamp>, hash: u64) {
        match time {
            Some(time) => self.push_at(record, time),
            None => self.push(record),
        }
        self.hashes.push(hash);
    }

    /// Gives every record the time that `time` finds for it; the second argument is the time it had.
    pub fn stamp(&mut self, mut time: impl FnMut(&T, Timestamp) -> Timestamp) {
        if self.times.is_empty() {
            self.times.extend(self.records.iter().map(|record| time(record, Timestamp::MIN)));
        } else {
            for (record, at) in self.records.iter().zip(&mut self.times) {
                *at = time(record, *at);
            }
        }
    }

    /// Takes the records and times of `other` behind those here, and leaves it empty. Hashes are dropped.
    pub fn append(&mut self, other: &mut Self) {
        if self.records.is_empty() && self.records.capacity() <= other.records.capacity() {
            std::mem::swap(self, other);
            self.hashes.clear();
            other.clear();
            return;
        }
        if self.is_timed() || other.is_timed() {
            self.times.resize(self.records.len(), Timestamp::MIN);
            other.times.resize(other.records.len(), Timestamp::MIN);
            self.times.append(&mut other.times);
        }
        self.records.append(&mut other.records);
        self.hashes.clear();
        self.origin = None;
        other.clear();
    }

    /// Moves the first `count` records (all, if there are fewer) into a batch of their own.
    pub fn take_front(&mut self, count: usize) -> Self {
        let count = count.min(self.len());
        let front = |column: usize| if column == 0 { 0 } else { count };
        let (timed, hashed) = (front(self.times.len()), front(self.hashes.len()));
        let origin = self.origin.clone();
        if let Some(origin) = &mut self.origin {
            origin.skip(count);
        }
        Self {
            records: self.records.drain(..count).collect(),
            times: self.times.drain(..timed).collect(),
            hashes: self.hashes.drain(..hashed).collect(),
            origin,
            handed: 0,
        }
    }

    /// Keeps the records for which `keep` is true.
    ///
    /// The cursor of a failure stands at the record that `keep` was asked about.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let before = self.len();
        let mut cursor = drain::Cursor::new(&mut self.handed);
        if self.times.is_empty() && self.hashes.is_empty() {
            self.records.retain(|record| {
                cursor.advance();
                keep(record)
            });
        } else {
            let mut kept = Vec::with_capacity(before);
            self.records.retain(|record| {
                cursor.advance();
                let keep = keep(record);
                kept.push(keep);
                keep
            });
            retain_by(&mut self.times, &kept);
            retain_by(&mut self.hashes, &kept);
        }
        if let (Some(origin), true) = (&mut self.origin, self.records.len() < before) {
            origin.blur();
        }
    }

    /// Replaces every record by what `change` makes of it, in the same memory where the sizes allow; times, hashes
    /// and places stay as they are.
    pub fn map<U>(&mut self, mut change: impl FnMut(T) -> U) -> Batch<U> {
        let mut cursor = drain::Cursor::new(&mut self.handed);
        let records = std::mem::take(&mut self.records)
            .into_iter()
            .map(move |record| {
                cursor.advance();
                change(record)
            })
            .collect();
        Batch {
            records,
            times: std::mem::take(&mut self.times),
            hashes: std::mem::take(&mut self.hashes),
            origin: self.origin.take(),
            handed: 0,
        }
    }

    /// The first of two passes over the records: finds each one's key, and the key's hash where the batch does not know
    /// it. [`Prepared::map`] is the second.
    ///
    /// What must wait for memory is best done in a pass with as little else as possible, for the more of it the processor
    /// then has under way at once. If user code fails in the first pass, no record has been changed.
    #[inline]
    pub fn prepare<K>(&mut self, key: impl Fn(&T) -> K, hash: impl Fn(&K) -> u64) -> Prepared<'_, K, T> {
        let count = self.records.len();
        let mut keys = Vec::with_capacity(count);
        let mut hashes = std::mem::take(&mut self.hashes);
        let is_hashed = hashes.len() == count;
        hashes.reserve(count - hashes.len());
        let mut cursor = drain::Cursor::new(&mut self.handed);
        for record in &self.records {
            cursor.advance();
            let key = key(record);
            if !is_hashed {
                hashes.push(hash(&key));
            }
            keys.push(key);
        }
        drop(cursor);
        Prepared { batch: self, hashes, keys }
    }

    /// As [`Batch::prepare`] for keys that are cheaper to find again than to keep: finds the hashes alone.
    #[inline]
    pub fn prepare_hashes(&mut self, hash: impl Fn(&T) -> u64) -> PreparedHashes<'_, T> {
        let records = if self.hashes.is_empty() {
            let mut cursor = drain::Cursor::new(&mut self.handed);
            let hashed = self.records.drain(..).map(move |record| {
                cursor.advance();
                (hash(&record), record)
            });
            hashed.collect()
        } else {
            self.hashes.drain(..).zip(self.records.drain(..)).collect()
        };
        let (times, origin) = (std::mem::take(&mut self.times), self.origin.take());
        PreparedHashes { records, times, origin, handed: &mut self.handed }
    }

    /// Takes the records out, in order. Times stay until [`Batch::clear`], see [`Batch::drain_timed`].
    #[inline]
    pub fn drain(&mut self) -> Drain<'_, std::vec::Drain<'_, T>> {
        Drain::new(self.records.drain(..), &mut self.handed)
    }

    /// Takes all records out at once, in the memory they are in. Times stay until [`Batch::clear`].
    #[inline]
    pub fn take_records(&mut self) -> Vec<T> {
        std::mem::take(&mut self.records)
    }

    /// Takes the records out, each with its time ([`Timestamp::MIN`] where it has none).
    #[inline]
    pub fn drain_timed(&mut self) -> Drain<'_, impl ExactSizeIterator<Item = (T, Timestamp)> + '_> {
        self.times.resize(self.records.len(), Timestamp::MIN);
        Drain::new(self.records.drain(..).zip(self.times.drain(..)), &mut self.handed)
    }

    /// Takes the records out, each with the hash of its key: the one it came with, or else what `hash` finds.
    #[inline]
    pub fn drain_hashed(
        &mut self,
        mut hash: impl FnMut(&T) -> u64,
    ) -> Drain<'_, impl ExactSizeIterator<Item = (T, u64)> + '_> {
        if self.hashes.is_empty() {
            self.hashes.extend(self.records.iter().map(&mut hash));
        }
        Drain::new(self.records.drain(..).zip(self.hashes.drain(..)), &mut self.handed)
    }

    /// Takes the records out, each with its time and the hash of its key.
    #[inline]
    pub fn drain_timed_hashed(
        &mut self,
        mut hash: impl FnMut(&T) -> u64,
    ) -> Drain<'_, impl ExactSizeIterator<Item = ((T, Timestamp), u64)> + '_> {
        if self.hashes.is_empty() {
            self.hashes.extend(self.records.iter().map(&mut hash));
        }
        self.times.resize(self.records.len(), Timestamp::MIN);
        Drain::new(
            self.records.drain(..).zip(self.times.drain(..)).zip(self.hashes.drain(..)),
            &mut self.handed,
        )
    }

    /// Forgets the hashes of the records' keys: whoever hands a batch on to where it may be keyed otherwise does this.
    #[inline]
    pub fn drop_hashes(&mut self) {
        self.hashes.clear();
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.records.clear();
        self.times.clear();
        self.hashes.clear();
        self.origin = None;
        self.handed = 0;
    }

    /// Says where the first record stood in its source, with the others one after the other behind it.
    pub fn set_origin(&mut self, origin: Option<Origin>) {
        self.origin = origin;
    }

    /// Where the records come from, if that is still known.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Where the record at `index` and those behind it come from.
    pub(crate) fn origin_from(&self, index: usize) -> Option<Origin> {
        let mut origin = self.origin.clone();
        origin.iter_mut().for_each(|origin| origin.skip(index));
        origin
    }

    /// How many records were handed out when the batch was last drained, mapped or filtered: the last of them is
    /// the one at which user code failed.
    pub fn handed(&self) -> usize {
        self.handed
    }

    /// Where the record at `index` stood in its source, as exactly as that is still known.
    pub fn position(&self, index: usize) -> Option<Position> {
        self.origin.as_ref().map(|origin| origin.position(index))
    }
}

/// Keeps the entries of a column whose record was kept; an empty column stays empty.
fn retain_by<C>(column: &mut Vec<C>, kept: &[bool]) {
    let mut kept = kept.iter();
    column.retain(|_| kept.next().copied().unwrap_or(true));
}

#[cfg(test)]
mod tests;
