//! Equality, order and hash of text.
//!
//! Answers for reading inline text as two words, with no step per byte.
//! Holds: equality and order are those of `str`; equal texts hash alike; the hash is the same on every platform.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::Text;

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // Two views of the same place are equal by their words as well.
        if self.word0() == other.word0() && self.word1() == other.word1() {
            return true;
        }
        self.len == other.len && !self.is_inline() && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl Ord for Text {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.is_inline() && other.is_inline() {
            // Bytes as a big-endian number; a text that is the start of another with zero bytes behind comes first.
            let big_endian = |text: &Text| text.bits().swap_bytes();
            return big_endian(self).cmp(&big_endian(other)).then(self.len.cmp(&other.len));
        }
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for Text {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Text {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.is_inline() {
            state.write_u128(u128::from(self.word0()) | u128::from(self.word1()) << 64);
        } else {
            // The length first, so that no sequence of texts hashes as another one cut elsewhere.
            state.write_u32(self.len);
            state.write(self.as_bytes());
        }
    }
}

impl PartialEq<str> for Text {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    #[inline]
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Text {
    #[inline]
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<Text> for str {
    #[inline]
    fn eq(&self, other: &Text) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<Text> for &str {
    #[inline]
    fn eq(&self, other: &Text) -> bool {
        *self == other.as_str()
    }
}
