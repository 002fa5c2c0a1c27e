//! The counted bytes behind long text.
//!
//! Answers for one allocation that is shared between threads and freed with its last user.
//! Not for which part of it a text shows.
//! Holds: the bytes are UTF-8, at most 4 GiB of them, never change, and [`Shared::PADDING`] zero bytes follow.

use std::mem::MaybeUninit;

use triomphe::{Arc, HeaderWithLength, ThinArc, UniqueArc};

/// One buffer, counted.
#[derive(Clone)]
pub(super) struct Shared(ThinArc<(), u8>);

impl Shared {
    /// Readable bytes after the text, so that short pieces are cut out by one wide load and no branch on their length.
    pub(super) const PADDING: usize = 16;

    /// A new buffer with a copy of `text`; `None` if its length does not fit 32 bits.
    pub(super) fn copy_of(text: &str) -> Option<Shared> {
        let len = u32::try_from(text.len()).ok()? as usize;
        let room = len + Self::PADDING;
        let mut bytes = UniqueArc::from_header_and_uninit_slice(HeaderWithLength::new((), room), room);
        let target: *mut MaybeUninit<u8> = bytes.slice.as_mut_ptr();
        // SAFETY: `target` has room for the text and its padding, and is new, so it does not overlap the text. After
        // both writes every byte is initialised.
        let bytes = unsafe {
            target.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), len);
            target.add(len).write_bytes(0, Self::PADDING);
            bytes.assume_init_slice_with_header()
        };
        Some(Shared(Arc::into_thin(bytes.shareable())))
    }

    /// Where the text starts; readable up to its padding's end.
    #[inline]
    pub(super) fn start(&self) -> *const u8 {
        self.0.slice.as_ptr()
    }

    /// The length of the text in bytes.
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
