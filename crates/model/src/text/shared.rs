//! The counted bytes behind long text.
//!
//! Answers for one allocation that is shared between threads and freed with its last user.
//! Not for which part of it a text shows.
//! Holds: there are at most 4 GiB of bytes, which never change, and [`Shared::PADDING`] zero bytes follow. What a text shows
//! of them is UTF-8; the rest need not be.

use std::mem::MaybeUninit;

use triomphe::{Arc, HeaderWithLength, ThinArc, UniqueArc};

/// One buffer, counted.
#[derive(Clone)]
pub(super) struct Shared(ThinArc<(), u8>);

impl Shared {
    /// Readable bytes after the text, so that short pieces are cut out by one wide load and no branch on their length.
    pub(super) const PADDING: usize = 16;

    /// A new buffer with a copy of `bytes`; `None` if their number does not fit 32 bits.
    pub(super) fn copy_of(bytes: &[u8]) -> Option<Shared> {
        let len = u32::try_from(bytes.len()).ok()? as usize;
        let room = len + Self::PADDING;
        let mut buffer = UniqueArc::from_header_and_uninit_slice(HeaderWithLength::new((), room), room);
        let target: *mut MaybeUninit<u8> = buffer.slice.as_mut_ptr();
        // SAFETY: `target` has room for the bytes and their padding, and is new, so it does not overlap them. After
        // both writes every byte is initialised.
        let buffer = unsafe {
            target.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), len);
            target.add(len).write_bytes(0, Self::PADDING);
            buffer.assume_init_slice_with_header()
        };
        Some(Shared(Arc::into_thin(buffer.shareable())))
    }

    /// Where the text starts; readable up to its padding's end.
    #[inline]
    pub(super) fn start(&self) -> *const u8 {
        self.0.slice.as_ptr()
    }

    /// The bytes without their padding.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0.slice[..self.text_len()]
    }

    /// How many bytes there are without their padding.
    #[inline]
    pub(super) fn text_len(&self) -> usize {
        self.0.slice.len() - Self::PADDING
    }

    /// The size of the allocation in bytes.
    #[inline]
    pub(super) fn heap_len(&self) -> usize {
        self.0.slice.len() + 2 * size_of::<usize>()
    }

    /// How many texts share it.
    #[cfg(test)]
    pub(super) fn users(&self) -> usize {
        ThinArc::strong_count(&self.0)
    }
}
