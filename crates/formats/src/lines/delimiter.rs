//! What ends a line.

use std::borrow::Cow;

use memchr::memmem;
use millstream_model::error::{Failure, Result};

/// What ends a line: an ASCII character, or a text of several bytes such as `"\r\n"` or `"||"`.
///
/// ```
/// use millstream_formats::lines::Delimiter;
/// assert_eq!(Delimiter::from(b';'), Delimiter::from(";"));
/// assert_eq!(Delimiter::default(), Delimiter::from("\n"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimiter(Cow<'static, [u8]>);

impl Default for Delimiter {
    fn default() -> Self {
        Self(Cow::Borrowed(b"\n"))
    }
}

impl From<u8> for Delimiter {
    fn from(byte: u8) -> Self {
        Self(vec![byte].into())
    }
}

impl From<char> for Delimiter {
    fn from(character: char) -> Self {
        Self(character.to_string().into_bytes().into())
    }
}

impl From<&str> for Delimiter {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Delimiter {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl Delimiter {
    /// Its byte, if it has only one.
    pub fn single(&self) -> Option<u8> {
        if let [byte] = *self.0 { Some(byte) } else { None }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Refuses what ends no line.
    pub(super) fn check(&self) -> Result<()> {
        let failure = match &*self.0 {
            [] => Failure::user("the delimiter of lines is empty"),
            bytes if std::str::from_utf8(bytes).is_err() => {
                Failure::user(format!("the delimiter of lines is byte {:#04x}, which is not ASCII", bytes[0]))
            }
            _ => return Ok(()),
        };
        Err(failure.advice("give an ASCII byte, such as b'\\n', b';' or 0, or a text, such as \"\\r\\n\""))
    }

    /// How long it is, in bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// As text, for messages and for cutting text that was checked.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The positions behind each delimiter in `bytes`. They never overlap: where one ends the next may begin.
    pub(super) fn ends<'a>(&'a self, bytes: &'a [u8]) -> Box<dyn Iterator<Item = usize> + 'a> {
        match self.single() {
            Some(byte) => Box::new(memchr::memchr_iter(byte, bytes).map(|at| at + 1)),
            None => Box::new(memmem::find_iter(bytes, &*self.0).map(|at| at + self.len())),
        }
    }

    /// The line without the delimiter at its end, if it has one.
    pub(super) fn without<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        line.strip_suffix(&*self.0).unwrap_or(line)
    }
}
