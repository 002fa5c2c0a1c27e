//! Cutting text into pieces without allocation.
//!
//! Answers for `split`, `split_whitespace` and `lines` that yield [`Text`].
//! Holds: the pieces are those that the method of `str` of the same name yields, in the same order.

use std::iter::FusedIterator;

use super::Text;
use super::marks::{Marks, WhiteSpace};

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
        Split { text: self, separator, marks: Marks::default(), start: Some(0) }
    }

    /// The words between runs of white space (Unicode's), as [`str::split_whitespace`].
    #[inline]
    pub fn split_whitespace(&self) -> SplitWhitespace {
        self.clone().into_split_whitespace()
    }

    /// [`split_whitespace`](Text::split_whitespace) that consumes the text, which saves a count on long text.
    #[inline]
    pub fn into_split_whitespace(self) -> SplitWhitespace {
        SplitWhitespace { text: self, marks: Marks::default(), start: 0 }
    }

    /// The lines, without their ends (`\n` or `\r\n`), as [`str::lines`].
    #[inline]
    pub fn lines(&self) -> Lines {
        self.clone().into_lines()
    }

    /// [`lines`](Text::lines) that consumes the text, which saves a count on long text.
    #[inline]
    pub fn into_lines(self) -> Lines {
        Lines { text: self, marks: Marks::default(), start: 0 }
    }
}

/// Iterator of [`Text::split`].
#[derive(Clone, Debug)]
pub struct Split {
    text: Text,
    separator: char,
    marks: Marks,
    /// Where the next piece starts; `None` after the last one.
    start: Option<usize>,
}

impl Iterator for Split {
    type Item = Text;

    #[inline]
    fn next(&mut self) -> Option<Text> {
        let start = self.start?;
        let mark = self.marks.next(&self.text, &self.separator);
        self.start = mark.map(|at| at + self.separator.len_utf8());
        let end = mark.unwrap_or(self.text.len());
        // SAFETY: a piece starts after a separator and ends before one, or at the ends of the text.
        Some(unsafe { self.text.view(start, end - start) })
    }
}

impl FusedIterator for Split {}

/// Iterator of [`Text::split_whitespace`].
#[derive(Clone, Debug)]
pub struct SplitWhitespace {
    text: Text,
    marks: Marks,
    /// Where the next word starts, or white space before it.
    start: usize,
}

impl Iterator for SplitWhitespace {
    type Item = Text;

    #[inline]
    fn next(&mut self) -> Option<Text> {
        while self.start < self.text.len() {
            let (start, end) =
                (self.start, self.marks.next(&self.text, &WhiteSpace).unwrap_or(self.text.len()));
            self.start = end + 1;
            if end > start {
                // SAFETY: every byte of white space is marked, so a word starts after a whole character of it and
                // ends before one, or at the ends of the text.
                return Some(unsafe { self.text.view(start, end - start) });
            }
        }
        None
    }
}

impl FusedIterator for SplitWhitespace {}

/// Iterator of [`Text::lines`].
#[derive(Clone, Debug)]
pub struct Lines {
    text: Text,
    marks: Marks,
    start: usize,
}

impl Iterator for Lines {
    type Item = Text;

    #[inline]
    fn next(&mut self) -> Option<Text> {
        let start = self.start;
        if start >= self.text.len() {
            return None;
        }
        let mark = self.marks.next(&self.text, &'\n');
        let mut end = mark.unwrap_or(self.text.len());
        self.start = end + 1;
        if mark.is_some() && self.text.as_bytes()[start..end].ends_with(b"\r") {
            end -= 1;
        }
        // SAFETY: lines start and end at ASCII bytes or at the ends of the text.
        Some(unsafe { self.text.view(start, end - start) })
    }
}

impl FusedIterator for Lines {}
