//! The text type that records carry: 16 bytes, short text inside, long text as a view into shared bytes.
//!
//! Answers for the layout, for sharing without allocation, and for equality, order and hash that read two words.
//! Not for reading bytes from anywhere ([`TextBuffer`] gathers what a source has read) nor for encodings on the wire.
//! Holds: the bytes of a [`Text`] are UTF-8 and never change; text of up to [`Text::INLINE`] bytes is always inline,
//! longer text never is, so two equal texts have the same shape.
#![allow(unsafe_code)] // A union of inline bytes and a counted pointer in 16 bytes cannot be written without it.

mod buffer;
mod compare;
mod convert;
mod detached;
mod marks;
mod pieces;
mod shared;
mod sharing;

#[cfg(test)]
mod tests;

use std::mem::ManuallyDrop;
use std::ops::{Bound, Deref, RangeBounds};

pub use buffer::{TextBuffer, TextError};
pub use pieces::{Lines, Split, SplitWhitespace};
use shared::Shared;

/// Immutable UTF-8 text in 16 bytes, up to 4 GiB long.
///
/// Up to [`Text::INLINE`] bytes lie inside the value: making, cloning, comparing and hashing such a text touches no
/// other memory. Longer text is a counted view (buffer, offset, length): a clone or a sub-view is one atomic
/// increment and keeps the *whole* buffer alive, see [`Text::detach`].
///
/// It dereferences to `str`, so every method of `str` that borrows is there. The methods that cut
/// ([`split`](Text::split), [`split_whitespace`](Text::split_whitespace), [`lines`](Text::lines)) are its own: they
/// yield `Text`, allocate nothing, and their iterators borrow nothing.
///
/// It is deliberately not `Borrow<str>`: its hash is not the hash of a `str`. To look up a `&str` in a table keyed by
/// `Text`, make a `Text` of it first, which costs nothing up to 12 bytes.
///
/// ```
/// use millstream_model::text::Text;
///
/// let line = Text::from("the quick brown extraordinarily lazy fox");
/// let words: Vec<Text> = line.split_whitespace().collect();
/// assert_eq!(words[3], "extraordinarily"); // a view into the line's bytes
/// assert_eq!(words[5], "fox"); // three bytes, inline
/// assert_eq!(size_of::<Text>(), 16);
/// ```
#[repr(C, align(8))]
pub struct Text {
    /// Length in bytes, in both shapes; it alone tells which shape this is.
    len: u32,
    /// Inline: the first four bytes. Long: the offset of the view in its buffer.
    head: u32,
    tail: Tail,
}

/// The second word of a text.
#[repr(C)]
union Tail {
    /// Inline: bytes 4 to 11, zero after the end. Always initialised first, so reading it is sound in both shapes.
    word: u64,
    /// Long: the buffer.
    shared: ManuallyDrop<Shared>,
}

impl Text {
    /// The longest text, in bytes, that lies inside the value.
    pub const INLINE: usize = 12;

    /// The empty text.
    pub const EMPTY: Text = Text { len: 0, head: 0, tail: Tail { word: 0 } };

    /// The length in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// True if there is no byte in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True if the bytes lie inside the value, so that it keeps no buffer alive.
    #[inline]
    pub fn is_inline(&self) -> bool {
        self.len <= Self::INLINE as u32
    }

    /// The text as `str`.
    #[inline]
    pub fn as_str(&self) -> &str {
        // SAFETY: the module's invariant; every constructor takes its bytes from a `str` at character boundaries.
        unsafe { std::str::from_utf8_unchecked(self.as_bytes()) }
    }

    /// The text's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: `start` points at `len` initialised bytes that live and stay unchanged as long as `self` does.
        unsafe { std::slice::from_raw_parts(self.start(), self.len as usize) }
    }

    /// The part of this text in `range` (byte positions), without allocating.
    ///
    /// A part longer than [`Text::INLINE`] shares the buffer, a shorter one is copied into the value.
    ///
    /// # Panics
    ///
    /// If the range is out of bounds or cuts a character, as `&text[range]` does. [`Text::get`] does not.
    #[inline]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Text {
        let (start, end) = self.bounds(range);
        let part = &self.as_str()[start..end];
        // SAFETY: indexing checked bounds and character boundaries.
        unsafe { self.view(start, part.len()) }
    }

    /// The part of this text in `range` (byte positions), or `None` if that is out of bounds or cuts a character.
    #[inline]
    pub fn get(&self, range: impl RangeBounds<usize>) -> Option<Text> {
        let (start, end) = self.bounds(range);
        let part = self.as_str().get(start..end)?;
        // SAFETY: `get` checked bounds and character boundaries.
        Some(unsafe { self.view(start, part.len()) })
    }

    /// `part` as a text that shares this text's bytes where it can: the way to keep what a method of `str` returned.
    ///
    /// A `part` that does not lie inside this text is copied.
    ///
    /// ```
    /// # use millstream_model::text::Text;
    /// let line = Text::from("   indented by three spaces");
    /// assert_eq!(line.slice_ref(line.trim_start()), "indented by three spaces");
    /// ```
    #[inline]
    pub fn slice_ref(&self, part: &str) -> Text {
        if part.is_empty() {
            return Text::EMPTY; // an empty part may point into the middle of a character
        }
        let offset = (part.as_ptr() as usize).wrapping_sub(self.as_bytes().as_ptr() as usize);
        match offset.checked_add(part.len()) {
            // SAFETY: the range lies inside this text, and `part` is a `str`, so it starts and ends at boundaries.
            Some(end) if end <= self.len() => unsafe { self.view(offset, part.len()) },
            _ => Text::from(part),
        }
    }

    /// The same text without the buffer it was read into: what state keeps of a record.
    ///
    /// A view of 20 bytes keeps its whole read buffer (a megabyte, say) alive. The detached copy owns exactly its own
    /// bytes. Inline text, and text that already is all of its buffer, is not copied.
    #[inline]
    pub fn detach(&self) -> Text {
        match self.buffer() {
            Some(buffer) if buffer.text_len() != self.len() => Text::from(self.as_str()),
            _ => self.clone(),
        }
    }

    /// Bytes on the heap that this value keeps alive, shared or not; 0 when inline.
    #[inline]
    pub fn pinned_bytes(&self) -> usize {
        self.buffer().map_or(0, Shared::heap_len)
    }

    #[inline]
    fn bounds(&self, range: impl RangeBounds<usize>) -> (usize, usize) {
        let start = match range.start_bound() {
            Bound::Included(&at) => at,
            Bound::Excluded(&at) => at.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&at) => at.saturating_add(1),
            Bound::Excluded(&at) => at,
            Bound::Unbounded => self.len(),
        };
        (start, end)
    }

    /// The buffer of a long text.
    #[inline]
    fn buffer(&self) -> Option<&Shared> {
        // SAFETY: a text that is not inline holds a buffer in its tail.
        (!self.is_inline()).then(|| unsafe { &*self.tail.shared })
    }

    /// Where the bytes start; in the long shape [`Shared::PADDING`] readable bytes follow the buffer's text.
    #[inline]
    fn start(&self) -> *const u8 {
        match self.buffer() {
            // SAFETY: `head` bytes lie before the view in the same buffer.
            Some(buffer) => unsafe { buffer.start().add(self.head as usize) },
            // SAFETY: `head` follows `len` in the layout; the 12 bytes from there are inside `self`.
            None => unsafe { std::ptr::from_ref(self).cast::<u8>().add(4) },
        }
    }

    /// The first word of an inline text: length in the low half, first four bytes in the high half.
    #[inline]
    fn word0(&self) -> u64 {
        u64::from(self.len) | u64::from(u32::from_le(self.head)) << 32
    }

    /// The second word: bytes 4 to 11 of an inline text, little endian; without meaning in the long shape.
    #[inline]
    fn word1(&self) -> u64 {
        // SAFETY: both fields of the union are plain initialised bytes; an address read as a number is not used as one.
        u64::from_le(unsafe { self.tail.word })
    }

    /// The eight bytes from `at`, which is inside the text, as a little-endian number; what lies beyond its end is
    /// arbitrary.
    #[inline]
    fn word(&self, at: usize) -> u64 {
        debug_assert!(at < self.len());
        if self.is_inline() {
            return (self.bits() >> (8 * at)) as u64;
        }
        // SAFETY: `at` is inside the view, and the buffer's text is followed by more than eight readable bytes.
        u64::from_le(unsafe { self.start().add(at).cast::<u64>().read_unaligned() })
    }

    /// An inline text of `len` bytes, given as a little-endian number that is zero above them.
    #[inline]
    fn from_bits(len: usize, bits: u128) -> Text {
        debug_assert!(len <= Self::INLINE && bits >> (8 * len) == 0, "inline text is padded with zeros");
        Text {
            len: len as u32,
            head: (bits as u32).to_le(),
            tail: Tail { word: ((bits >> 32) as u64).to_le() },
        }
    }

    /// The inline bytes as a little-endian number.
    #[inline]
    fn bits(&self) -> u128 {
        u128::from(u32::from_le(self.head)) | u128::from(self.word1()) << 32
    }

    /// A long text: `len` bytes of `buffer` from `offset`.
    ///
    /// # Safety
    ///
    /// `len` is above [`Text::INLINE`], and the range is inside the buffer's text and at character boundaries.
    #[inline]
    unsafe fn from_shared(buffer: Shared, offset: u32, len: u32) -> Text {
        let mut tail = Tail { word: 0 }; // so that all eight bytes are initialised where a pointer has four
        tail.shared = ManuallyDrop::new(buffer);
        Text { len, head: offset, tail }
    }

    /// The part of `len` bytes from `start`.
    ///
    /// # Safety
    ///
    /// `start + len` is at most `self.len()`, and both ends are at character boundaries.
    #[inline]
    unsafe fn view(&self, start: usize, len: usize) -> Text {
        debug_assert!(start + len <= self.len() && self.as_str().get(start..start + len).is_some());
        let mask = |bits: u128| if len == 0 { 0 } else { bits & (u128::MAX >> (128 - 8 * len)) };
        match self.buffer() {
            None => Text::from_bits(len, mask(self.bits() >> (8 * start))),
            // SAFETY: `start` is at most the end of the view; from there at least 16 bytes of padding are readable.
            Some(buffer) if len <= Self::INLINE => unsafe {
                let bits = self.start().add(start).cast::<u128>().read_unaligned();
                debug_assert!(Self::INLINE <= Shared::PADDING && buffer.text_len() >= start);
                Text::from_bits(len, mask(u128::from_le(bits)))
            },
            // SAFETY: the part is inside this view, which is inside the buffer; 4 GiB bound both sums.
            Some(buffer) => unsafe {
                Text::from_shared(buffer.clone(), self.head + start as u32, len as u32)
            },
        }
    }
}

impl Clone for Text {
    #[inline]
    fn clone(&self) -> Self {
        match self.buffer() {
            None => Text { len: self.len, head: self.head, tail: Tail { word: u64::from_le(self.word1()) } },
            Some(buffer) if detached::is_asked_for() && buffer.text_len() != self.len() => {
                detached::met();
                Text::from(self.as_str())
            }
            // SAFETY: the same view of the same buffer, which the new count keeps alive.
            Some(buffer) => unsafe { Text::from_shared(buffer.clone(), self.head, self.len) },
        }
    }
}

impl Drop for Text {
    #[inline]
    fn drop(&mut self) {
        if !self.is_inline() {
            // SAFETY: a long text owns one count, given back once, here.
            unsafe { ManuallyDrop::drop(&mut self.tail.shared) }
        }
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}
