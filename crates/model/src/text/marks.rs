//! Where separators stand in a text, found eight bytes at a time and kept as one bit per byte.
//!
//! Answers for the places only; what lies between them is cut by `pieces`.
//! Holds: marks come in ascending order, each once, and each is a byte of a whole separator, so that a cut before or
//! after a separator is a character boundary.

use super::Text;

/// Bytes looked at in one go: as many as a word has bits.
const BLOCK: usize = u64::BITS as usize;
/// Each byte 1.
const ONES: u64 = u64::MAX / 255;
/// The highest bit of each byte.
const TOPS: u64 = ONES << 7;

/// Something to look for in a text.
pub(super) trait Separator {
    /// One bit for each of the eight bytes of `text` from `at`, given as `word`; bits beyond the end are ignored.
    fn marks(&self, text: &Text, at: usize, word: u64) -> u8;
}

/// A walk over the marks of one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// Where the next block starts.
    next: usize,
    /// The marks of the block before `next` that were not given out yet.
    left: u64,
}

impl Marks {
    /// The place of the next mark. Always to be called with the same text and separator.
    #[inline]
    pub(super) fn next(&mut self, text: &Text, separator: &impl Separator) -> Option<usize> {
        while self.left == 0 {
            if self.next >= text.len() {
                return None;
            }
            self.left = block(text, self.next, separator);
            self.next += BLOCK;
        }
        let at = self.next - BLOCK + self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(at)
    }
}

/// The marks of up to 64 bytes from `from`, which is inside the text.
#[inline]
fn block(text: &Text, from: usize, separator: &impl Separator) -> u64 {
    let marks = |at: usize| u64::from(separator.marks(text, from + at, text.word(from + at))) << at;
    let count = text.len() - from;
    if count >= BLOCK {
        return (0..BLOCK).step_by(8).fold(0, |all, at| all | marks(at));
    }
    let all = (0..count).step_by(8).fold(0, |all, at| all | marks(at));
    all & ((1 << count) - 1)
}

/// Gathers the highest bits of eight bytes into one.
#[inline]
fn gather(tops: u64) -> u8 {
    ((tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// The highest bit of each byte of `word` that equals `byte`; exact, without a carry from byte to byte.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let differing = word ^ (ONES * u64::from(byte));
    !(((differing & !TOPS) + !TOPS) | differing) & TOPS
}

/// A character; its first byte is marked.
impl Separator for char {
    #[inline]
    fn marks(&self, text: &Text, at: usize, word: u64) -> u8 {
        if self.is_ascii() { gather(equal(word, *self as u8)) } else { wide(*self, text, at) }
    }
}

/// The marks of a character that is no single byte.
#[inline(never)]
fn wide(separator: char, text: &Text, at: usize) -> u8 {
    let (mut room, mut marks) = ([0; 4], 0);
    let wanted = separator.encode_utf8(&mut room).as_bytes();
    for bit in 0..8 {
        if text.as_bytes().get(at + bit..).is_some_and(|rest| rest.starts_with(wanted)) {
            marks |= 1 << bit;
        }
    }
    marks
}

/// White space as Unicode has it; all bytes of a wide one are marked.
#[derive(Clone, Copy, Debug)]
pub(super) struct WhiteSpace;

impl Separator for WhiteSpace {
    #[inline]
    fn marks(&self, text: &Text, at: usize, word: u64) -> u8 {
        let low = word & !TOPS;
        let from_tab = low + ONES * (0x80 - 9); // highest bit: at least 9
        let from_shift_out = low + ONES * (0x80 - 14); // highest bit: at least 14
        let ascii = (from_tab & !from_shift_out & !word & TOPS) | equal(word, b' ');
        if word & TOPS != 0 { gather(ascii) | wide_white_space(text, at, word) } else { gather(ascii) }
    }
}

/// The first bytes of all white space beyond ASCII.
const SPACE_LEADS: [u8; 4] = [0xC2, 0xE1, 0xE2, 0xE3];

/// The marks of white space beyond ASCII.
#[inline(never)]
fn wide_white_space(text: &Text, at: usize, word: u64) -> u8 {
    let leads = |word| SPACE_LEADS.iter().fold(0, |all, &lead| all | equal(word, lead));
    let (bytes, begun) = (text.as_bytes(), at.saturating_sub(2));
    // A space that began before these bytes may end in them.
    if leads(word) == 0 && !bytes[begun..at].iter().any(|byte| SPACE_LEADS.contains(byte)) {
        return 0;
    }
    let mut marks = 0u64;
    for start in begun..bytes.len().min(at + 8) {
        for inside in start..start + width(&bytes[start..]) {
            marks |= (1 << (inside + 8 - at)) >> 8; // what lies before `at` falls out
        }
    }
    marks as u8
}

/// The width of the white space beyond ASCII at the start of `bytes`; 0 if there is none.
fn width(bytes: &[u8]) -> usize {
    match bytes {
        [0xC2, 0x85 | 0xA0, ..] => 2,
        [0xE1, 0x9A, 0x80, ..] | [0xE3, 0x80, 0x80, ..] | [0xE2, 0x81, 0x9F, ..] => 3,
        [0xE2, 0x80, 0x80..=0x8A | 0xA8 | 0xA9 | 0xAF, ..] => 3,
        _ => 0,
    }
}
