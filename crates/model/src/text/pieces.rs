//! Cutting text into pieces without allocation.
//!
//! Answers for `split`, `split_whitespace` and `lines` that yield [`Text`].
//! Holds: the pieces are those that the method of `str` of the same name yields, in the same order.

use std::iter::FusedIterator;

use super::Text;

impl Text {
    /// The pieces between the places where `separator` stands, as [`str::split`].
    ///
    /// ```
    /// # use millstream_model::text::Text;
    /// let row = Text::from("2013-01-01,EWR,,-4");
    /// assert_eq!(row.split(',').collect::<Vec<_>>(), ["2013-01-01", "EWR", "", "-4"]);
    /// ```
    #[inline]
    pub fn split(&self, separator: char) -> Split {
        self.clone().into_split(separator)
    }

    /// [`split`](Text::split) that consumes the text, which saves a count on long text.
    #[inline]
    pub fn into_split(self, separator: char) -> Split {
        Split { text: self, separator, at: Some(0) }
    }

    /// The words between runs of white space (Unicode's), as [`str::split_whitespace`].
    #[inline]
    pub fn split_whitespace(&self) -> SplitWhitespace {
        self.clone().into_split_whitespace()
    }

    /// [`split_whitespace`](Text::split_whitespace) that consumes the text, which saves a count on long text.
    #[inline]
    pub fn into_split_whitespace(self) -> SplitWhitespace {
        SplitWhitespace { text: self, at: 0 }
    }

    /// The lines, without their ends (`\n` or `\r\n`), as [`str::lines`].
    #[inline]
    pub fn lines(&self) -> Lines {
        self.clone().into_lines()
    }

    /// [`lines`](Text::lines) that consumes the text.
    #[inline]
    pub fn into_lines(self) -> Lines {
        Lines { text: self, at: 0 }
    }
}

/// Iterator of [`Text::split`].
#[derive(Clone, Debug)]
pub struct Split {
    text: Text,
    separator: char,
    /// Where the next piece starts; `None` after the last one.
    at: Option<usize>,
}

impl Iterator for Split {
    type Item = Text;

    #[inline]
    fn next(&mut self) -> Option<Text> {
        let start = self.at?;
        let rest = self.text.as_str().get(start..)?;
        let len = match rest.find(self.separator) {
            Some(len) => {
                self.at = Some(start + len + self.separator.len_utf8());
                len
            }
            None => {
                self.at = None;
                rest.len()
            }
        };
        // SAFETY: `start` and the place of a separator are character boundaries inside the text.
        Some(unsafe { self.text.view(start, len) })
    }
}

impl FusedIterator for Split {}

/// Iterator of [`Text::split_whitespace`].
#[derive(Clone, Debug)]
pub struct SplitWhitespace {
    text: Text,
    at: usize,
}

impl Iterator for SplitWhitespace {
    type Item = Text;

    #[inline]
    fn next(&mut self) -> Option<Text> {
        let bytes = self.text.as_bytes();
        let mut start = self.at;
        loop {
            match white_space(bytes, start) {
                _ if start == bytes.len() => return None,
                0 => break,
                width => start += width,
            }
        }
        let mut end = start + 1;
        while end < bytes.len() && white_space(bytes, end) == 0 {
            end += 1;
        }
        self.at = end;
        // SAFETY: both ends are where white space starts or ends, or the text does.
        Some(unsafe { self.text.view(start, end - start) })
    }
}

impl FusedIterator for SplitWhitespace {}

/// The width in bytes of the white space character that starts at `at`; 0 if none does.
#[inline]
fn white_space(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b' ' | 9..=13) => 1,
        // The first bytes of all white space beyond ASCII.
        Some(0xC2 | 0xE1 | 0xE2 | 0xE3) => wide_white_space(&bytes[at..]),
        _ => 0,
    }
}

/// As [`white_space`], for the few characters beyond ASCII.
#[cold]
fn wide_white_space(bytes: &[u8]) -> usize {
    match bytes {
        [0xC2, 0x85 | 0xA0, ..] => 2,
        [0xE1, 0x9A, 0x80, ..] | [0xE3, 0x80, 0x80, ..] | [0xE2, 0x81, 0x9F, ..] => 3,
        [0xE2, 0x80, 0x80..=0x8A | 0xA8 | 0xA9 | 0xAF, ..] => 3,
        _ => 0,
    }
}

/// Iterator of [`Text::lines`].
#[derive(Clone, Debug)]
pub struct Lines {
    text: Text,
    at: usize,
}

impl Iterator for Lines {
    type Item = Text;

    #[inline]
    fn next(&mut self) -> Option<Text> {
        let start = self.at;
        let rest = self.text.as_str().get(start..)?;
        if rest.is_empty() {
            return None;
        }
        let len = match rest.find('\n') {
            Some(len) => {
                self.at = start + len + 1;
                if rest.as_bytes()[..len].ends_with(b"\r") { len - 1 } else { len }
            }
            None => {
                self.at = start + rest.len();
                rest.len()
            }
        };
        // SAFETY: lines start and end at ASCII bytes or at the ends of the text.
        Some(unsafe { self.text.view(start, len) })
    }
}

impl FusedIterator for Lines {}
