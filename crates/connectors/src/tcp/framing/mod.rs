//! Where one record ends and the next begins.
//!
//! Answers for delimiters and lengths, both ways. Not for what a record is.
//! Holds: a record that is longer than its limit is refused before it is held.

mod cut;
mod frames;
mod lines;
#[cfg(test)]
mod tests;

use millstream_formats::lines::{OnBadText, SkippedLines};
use millstream_model::error::{Failure, Result};
use millstream_model::settings::{ByteSize, Described, Setting};

pub(super) use cut::{Cut, MakeCut, bytes_cutter, text_cutter};

use super::settings::{DELIMITER, FRAMING};
use crate::chosen::Chosen;

/// How records are told from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A delimiter ends each.
    Delimiter,
    /// A byte in front has the length.
    U8,
    /// Two bytes in front, the higher first.
    U16Big,
    /// Two bytes in front, the lower first.
    U16Little,
    /// Four bytes in front, the highest first.
    U32Big,
    /// Four bytes in front, the lowest first.
    U32Little,
}

impl Framing {
    /// How many bytes the length has.
    fn width(self) -> usize {
        match self {
            Self::Delimiter => 0,
            Self::U8 => 1,
            Self::U16Big | Self::U16Little => 2,
            Self::U32Big | Self::U32Little => 4,
        }
    }

    /// The longest record that it can tell of.
    fn longest(self) -> usize {
        match self {
            Self::Delimiter | Self::U32Big | Self::U32Little => u32::MAX as usize,
            Self::U8 => 0xff,
            Self::U16Big | Self::U16Little => 0xffff,
        }
    }

    /// The length in front of `bytes`; `None` if it has not come yet.
    fn length(self, bytes: &[u8]) -> Option<usize> {
        let front = bytes.get(..self.width())?;
        let is_big = matches!(self, Self::U8 | Self::U16Big | Self::U32Big);
        let add = |length: usize, byte: &u8| length << 8 | usize::from(*byte);
        Some(if is_big { front.iter().fold(0, add) } else { front.iter().rev().fold(0, add) })
    }

    /// Puts the length where room was left for it.
    fn put_length(self, length: usize, front: &mut [u8]) {
        let bytes = (length as u64).to_be_bytes();
        let own = bytes.get(8 - front.len()..).unwrap_or_default();
        front.copy_from_slice(own);
        if matches!(self, Self::U16Little | Self::U32Little) {
            front.reverse();
        }
    }
}

/// What the settings say of framing.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) framing: Framing,
    pub(super) delimiter: Vec<u8>,
    pub(super) max: usize,
    pub(super) bad_text: OnBadText,
    pub(super) skipped: SkippedLines,
}

impl Plan {
    /// As the settings have it; `max` is the setting of the longest record, `delimiter` what was given by a call.
    ///
    /// # Errors
    /// Settings that contradict each other, and a delimiter that is none.
    pub(super) fn of(chosen: &Chosen, max: &Setting<ByteSize>) -> Result<Self> {
        let framing = chosen.get(&FRAMING)?;
        if framing != Framing::Delimiter && chosen.is_given(DELIMITER.name()) {
            return Err(Failure::user(
                "the setting `delimiter` is given, but `framing` says that records have their length in front",
            )
            .advice("leave out one of the two"));
        }
        let max = usize::try_from(chosen.get(max)?.0).unwrap_or(usize::MAX).min(framing.longest());
        let delimiter = unescaped(&chosen.get(&DELIMITER)?)?;
        Ok(Self { framing, delimiter, max, bad_text: OnBadText::Fail, skipped: SkippedLines::default() })
    }

    /// With what becomes of bad text.
    pub(super) fn texts(mut self, bad_text: OnBadText, skipped: &SkippedLines) -> Self {
        (self.bad_text, self.skipped) = (bad_text, skipped.clone());
        self
    }

    /// Puts one record, of which `put` puts the bytes, into `frames`.
    ///
    /// # Errors
    /// Those of `put`; a record that is too long.
    pub(super) fn put(
        &self,
        frames: &mut Vec<u8>,
        put: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let begin = frames.len();
        frames.resize(begin + self.framing.width(), 0);
        let body = frames.len();
        put(frames)?;
        let length = frames.len().saturating_sub(body);
        if length > self.max {
            return Err(Failure::user(format!("a record of {length} bytes cannot be sent: {} is the limit", self.max))
                .advice("see the settings `frame-max` and `framing`: a length of one byte can say 255, of two bytes 65535"));
        }
        if self.framing == Framing::Delimiter {
            frames.extend_from_slice(&self.delimiter);
        } else if let Some(front) = frames.get_mut(begin..body) {
            self.framing.put_length(length, front);
        }
        Ok(())
    }
}

/// The bytes of a delimiter as a setting has it.
///
/// # Errors
/// What is no escape, or empty.
fn unescaped(text: &str) -> Result<Vec<u8>> {
    let wrong = |what: String| Failure::user(what).advice("such as `\\n`, `\\r\\n`, `;`, `\\0` or `\\x1e`");
    let (mut bytes, mut characters) = (Vec::new(), text.chars());
    while let Some(character) = characters.next() {
        if character != '\\' {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        bytes.push(match characters.next() {
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = characters.by_ref().take(2).collect();
                match (digits.len(), u8::from_str_radix(&digits, 16)) {
                    (2, Ok(byte)) => byte,
                    _ => {
                        return Err(wrong(format!(
                            "the delimiter `{text}` has a \\x without two hexadecimal digits"
                        )));
                    }
                }
            }
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(wrong(format!("the delimiter `{text}` has \\{other}, which means nothing")));
            }
        });
    }
    if bytes.is_empty() {
        return Err(wrong("the delimiter is empty".into()));
    }
    Ok(bytes)
}

/// As a setting writes these bytes.
pub(super) fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"").replace(' ', "\\x20")
}
