//! A batch between two passes.
//!
//! Holds: which record user code was at is known in either pass, in a panic too.

use millstream_model::time::Timestamp;

use super::{Batch, Origin, drain};

/// The records of a batch, and the keys and hashes that a first pass has found for them; from [`Batch::prepare`].
///
/// Keys that own memory are in a column of their own: records do not move for them, and a key that was made word by word
/// is not copied as a whole before its words are in the cache.
pub struct Prepared<'a, K, T> {
    pub(super) batch: &'a mut Batch<T>,
    pub(super) hashes: Vec<u64>,
    pub(super) keys: Vec<K>,
}

impl<K, T> Prepared<'_, K, T> {
    /// The hashes of the keys, record by record.
    #[inline]
    pub fn hashes(&self) -> impl Iterator<Item = u64> {
        self.hashes.iter().copied()
    }

    /// The second pass: as [`Batch::map`], each record with its key and the key's hash.
    #[inline]
    pub fn map<U>(self, mut change: impl FnMut(u64, K, T) -> U) -> Batch<U> {
        let Batch { records, times, origin, handed, .. } = self.batch;
        let mut cursor = drain::Cursor::new(handed);
        let rows = std::mem::take(records).into_iter().zip(self.hashes).zip(self.keys);
        let records = rows.map(move |((record, hash), key)| {
            cursor.advance();
            change(hash, key, record)
        });
        let records = records.collect();
        Batch { records, times: std::mem::take(times), origin: origin.take(), ..Batch::default() }
    }
}

/// The records of a batch, each behind the hash of its key; from [`Batch::prepare_hashes`].
pub struct PreparedHashes<'a, T> {
    pub(super) records: Vec<(u64, T)>,
    pub(super) times: Vec<Timestamp>,
    pub(super) origin: Option<Origin>,
    pub(super) handed: &'a mut usize,
}

impl<T> PreparedHashes<'_, T> {
    /// The hashes of the keys, record by record.
    #[inline]
    pub fn hashes(&self) -> impl Iterator<Item = u64> {
        self.records.iter().map(|(hash, _)| *hash)
    }

    /// The second pass: as [`Batch::map`], each record with the hash of its key, in the memory of the first pass where
    /// the sizes allow.
    #[inline]
    pub fn map<U>(self, mut change: impl FnMut(u64, T) -> U) -> Batch<U> {
        let mut cursor = drain::Cursor::new(self.handed);
        let records = self.records.into_iter().map(move |(hash, record)| {
            cursor.advance();
            change(hash, record)
        });
        let records = records.collect();
        Batch { records, times: self.times, origin: self.origin, ..Batch::default() }
    }
}
