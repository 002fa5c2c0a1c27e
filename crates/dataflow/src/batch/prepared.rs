//! A batch between two passes.
//!
//! Holds: which record user code was at is known in either pass, in a panic too.

use millstream_model::time::Timestamp;

use super::{Batch, Origin, drain};

/// The records of a batch, each behind what a first pass has made of it; from [`Batch::prepare`].
pub struct Prepared<'a, P, T> {
    records: Vec<(P, T)>,
    times: Vec<Timestamp>,
    origin: Option<Origin>,
    handed: &'a mut usize,
}

impl<'a, P, T> Prepared<'a, P, T> {
    pub(super) fn new(
        records: Vec<(P, T)>,
        times: Vec<Timestamp>,
        origin: Option<Origin>,
        handed: &'a mut usize,
    ) -> Self {
        Self { records, times, origin, handed }
    }

    /// What the first pass has made, record by record.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &P> {
        self.records.iter().map(|(prepared, _)| prepared)
    }

    /// The second pass: as [`Batch::map`], in the memory of the first where the sizes allow.
    #[inline]
    pub fn map<U>(self, mut change: impl FnMut(P, T) -> U) -> Batch<U> {
        let mut cursor = drain::Cursor::new(self.handed);
        let records = self.records.into_iter().map(move |(prepared, record)| {
            cursor.advance();
            change(prepared, record)
        });
        let records = records.collect();
        Batch { records, times: self.times, origin: self.origin, ..Batch::default() }
    }
}
