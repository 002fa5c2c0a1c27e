//! Numbers and runs of bytes, read with their bounds checked.

use pyo3::PyErr;
use pyo3::exceptions::PyValueError;

/// The bytes of number `row` of an array of numbers of `N` bytes.
#[inline]
pub(super) fn number<const N: usize>(array: &[u8], row: usize) -> Option<[u8; N]> {
    let start = row * N;
    array.get(start..start + N).and_then(|bytes| bytes.try_into().ok())
}

/// That the bytes of a block are not those that were written.
pub(super) fn damaged(what: &str) -> PyErr {
    PyValueError::new_err(format!("a block of records is damaged: {what}"))
}

/// Takes bytes from the front.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], PyErr> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or_else(|| damaged("it ends within a column"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, PyErr> {
        Ok(self.take(1)?[0])
    }

    /// A length or count.
    pub(super) fn length(&mut self) -> Result<usize, PyErr> {
        let bytes = number(self.take(8)?, 0).map_or(0, u64::from_le_bytes);
        usize::try_from(bytes).map_err(|_| damaged("a length is too large"))
    }
}

/// Writes what [`Cursor::length`] reads.
pub(super) fn put_length(length: usize, into: &mut Vec<u8>) {
    into.extend_from_slice(&(length as u64).to_le_bytes());
}
