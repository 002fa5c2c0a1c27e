//! Bytes on their way from a file or socket to texts.
//!
//! Answers for gathering what was read until whole lines are there, and for handing them out as one checked [`Text`].
//! Not for reading, nor for what to do with a line that is not UTF-8: the error says where it is, the bytes stay.
//! Holds: no byte is lost or handed out twice, whatever the sizes of the reads.

use thiserror::Error;

use super::Text;

/// Why bytes are no [`Text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// The bytes are not UTF-8.
    #[error("not UTF-8 text: the first bad byte is number {valid_up_to} (counted from 0)")]
    NotUtf8 {
        /// How many bytes before the first bad one are good.
        valid_up_to: usize,
    },
    /// A text has at most 4 GiB.
    #[error("text of {len} bytes is too long: the limit is {} bytes", u32::MAX)]
    TooLong {
        /// The length in bytes.
        len: usize,
    },
}

/// A reusable buffer between a reader and its lines.
///
/// The reader fills [`spare`](TextBuffer::spare) and says how much; [`take_lines`](TextBuffer::take_lines) gives all
/// complete lines as one text, checked once and allocated once, of which [`Text::lines`] cuts the lines for nothing.
/// The start of an incomplete line stays for the next read. A text handed out holds exactly its own bytes, so that a
/// slow peer's short reads do not keep large buffers alive.
///
/// ```
/// # use millstream_model::text::{TextBuffer, TextError};
/// let mut input: &[u8] = b"one\ntwo\nthr";
/// let mut buffer = TextBuffer::with_capacity(64);
/// let read = std::io::Read::read(&mut input, buffer.spare()).unwrap();
/// buffer.filled(read);
/// let lines: Vec<_> = buffer.take_lines(b'\n')?.lines().collect();
/// assert_eq!(lines, ["one", "two"]);
/// assert_eq!(buffer.take_rest()?, "thr");
/// # Ok::<(), TextError>(())
/// ```
#[derive(Debug, Default)]
pub struct TextBuffer {
    bytes: Vec<u8>,
    /// What was read and not yet taken lies in `start..end`.
    start: usize,
    end: usize,
}

impl TextBuffer {
    /// A buffer that offers about `bytes` of room to each read.
    pub fn with_capacity(bytes: usize) -> Self {
        TextBuffer { bytes: vec![0; bytes.max(1)], start: 0, end: 0 }
    }

    /// Room for the next read; never empty. A line longer than the buffer makes it grow.
    pub fn spare(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() {
            self.bytes.resize((2 * self.bytes.len()).max(64), 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Says that the first `count` bytes of [`spare`](TextBuffer::spare) were read into; more than its length is
    /// taken as all of it.
    pub fn filled(&mut self, count: usize) {
        self.end = self.bytes.len().min(self.end + count);
    }

    /// The bytes read and not yet taken, the start of an incomplete line included.
    pub fn pending(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The length of the complete lines at the start of [`pending`](TextBuffer::pending), with their delimiters.
    pub fn complete(&self, delimiter: u8) -> usize {
        self.pending().iter().rposition(|&byte| byte == delimiter).map_or(0, |at| at + 1)
    }

    /// Takes all complete lines, with their delimiters, as one text; empty if there is none.
    ///
    /// `delimiter` is an ASCII byte.
    ///
    /// # Errors
    ///
    /// As [`Text::from_utf8`]. The bytes then stay: look at them with [`pending`](TextBuffer::pending), and drop what
    /// is to be skipped with [`discard`](TextBuffer::discard).
    pub fn take_lines(&mut self, delimiter: u8) -> Result<Text, TextError> {
        self.take(self.complete(delimiter))
    }

    /// Takes everything: at the end of the input, the last line may have no delimiter.
    ///
    /// # Errors
    ///
    /// As [`take_lines`](TextBuffer::take_lines).
    pub fn take_rest(&mut self) -> Result<Text, TextError> {
        self.take(self.end - self.start)
    }

    /// Drops the first `count` pending bytes.
    pub fn discard(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    fn take(&mut self, count: usize) -> Result<Text, TextError> {
        let text = Text::from_utf8(&self.pending()[..count])?;
        self.discard(count);
        Ok(text)
    }
}
