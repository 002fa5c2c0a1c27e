//! Handing out the records of a batch, remembering how far it came.
//!
//! Holds: the count is right after a panic too, and costs nothing where none happens.

/// Counts what was handed out, and writes it down when it goes out of scope, in a panic too. Best moved into the closure
/// of the loop that counts, where the count can stay in a register.
pub(super) struct Cursor<'a> {
    count: usize,
    handed: &'a mut usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(handed: &'a mut usize) -> Self {
        Self { count: 0, handed }
    }

    #[inline]
    pub(super) fn advance(&mut self) {
        self.count += 1;
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        *self.handed = self.count;
    }
}

/// An iterator over records that are taken out of a batch.
pub struct Drain<'a, I: ExactSizeIterator> {
    records: I,
    total: usize,
    handed: &'a mut usize,
}

impl<'a, I: ExactSizeIterator> Drain<'a, I> {
    pub(super) fn new(records: I, handed: &'a mut usize) -> Self {
        Self { total: records.len(), records, handed }
    }
}

impl<I: ExactSizeIterator> Iterator for Drain<'_, I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.records.next()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Drain<'_, I> {}

impl<I: ExactSizeIterator> Drop for Drain<'_, I> {
    fn drop(&mut self) {
        *self.handed = self.total - self.records.len();
    }
}
