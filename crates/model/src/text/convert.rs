//! Text from and to the other types that hold text.
//!
//! Answers for `From`, `FromStr`, `Display`, `Debug` and serde (a string in every format).
//! Holds: what is made from a `str` reads back as the same `str`.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::shared::Shared;
use super::{Text, TextError, sharing};

impl Text {
    /// A copy of `text`: inline up to [`Text::INLINE`] bytes, otherwise one allocation of its own.
    ///
    /// # Errors
    ///
    /// [`TextError::TooLong`] for 4 GiB and more.
    #[inline]
    pub fn try_new(text: &str) -> Result<Text, TextError> {
        if text.len() <= Text::INLINE {
            return Ok(Text::from_bits(text.len(), short_bits(text.as_bytes())));
        }
        let shared = Shared::copy_of(text.as_bytes()).ok_or(TextError::TooLong { len: text.len() })?;
        // SAFETY: the whole of a buffer that is longer than what fits inline, and at most 32 bits long.
        Ok(unsafe { Text::from_shared(shared, 0, text.len() as u32) })
    }

    /// A copy of `bytes`, which are checked once: every piece cut out later is known to be UTF-8.
    ///
    /// ```
    /// # use millstream_model::text::{Text, TextError};
    /// assert_eq!(Text::from_utf8(b"first\nsecond\n")?.lines().count(), 2);
    /// assert_eq!(Text::from_utf8(b"caf\xe9"), Err(TextError::NotUtf8 { valid_up_to: 3 }));
    /// # Ok::<(), TextError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TextError::NotUtf8`] with the position of the first bad byte; [`TextError::TooLong`] for 4 GiB and more.
    pub fn from_utf8(bytes: &[u8]) -> Result<Text, TextError> {
        match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => Text::try_new(text),
            Err(_) => {
                // The fast check does not say where; the second look does.
                let valid_up_to =
                    std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
                Err(TextError::NotUtf8 { valid_up_to })
            }
        }
    }
}

/// Up to 12 bytes as a little-endian number, by overlapping loads rather than a loop over the bytes.
#[inline]
fn short_bits(bytes: &[u8]) -> u128 {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let shift = 8 * (bytes.len() - 8);
        return u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << shift;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let shift = 8 * (bytes.len() - 4);
        return u128::from(u32::from_le_bytes(*first)) | u128::from(u32::from_le_bytes(*last)) << shift;
    }
    let (mut bits, middle) = (0, bytes.len() / 2);
    for at in [0, middle, bytes.len().saturating_sub(1)] {
        bits |= bytes.get(at).map_or(0, |&byte| u128::from(byte) << (8 * at));
    }
    bits
}

/// # Panics
///
/// For 4 GiB and more, where [`Text::try_new`] returns an error.
impl From<&str> for Text {
    #[inline]
    fn from(text: &str) -> Self {
        match Text::try_new(text) {
            Ok(text) => text,
            Err(error) => too_long(&error),
        }
    }
}

#[cold]
#[inline(never)]
#[allow(clippy::panic)] // As `Vec` on capacity overflow: `From` has no error, and no program means to hold such a text.
fn too_long(error: &TextError) -> ! {
    panic!("{error}")
}

impl From<String> for Text {
    #[inline]
    fn from(text: String) -> Self {
        Text::from(text.as_str())
    }
}

impl From<&String> for Text {
    #[inline]
    fn from(text: &String) -> Self {
        Text::from(text.as_str())
    }
}

impl From<Cow<'_, str>> for Text {
    #[inline]
    fn from(text: Cow<'_, str>) -> Self {
        Text::from(&*text)
    }
}

impl From<char> for Text {
    #[inline]
    fn from(character: char) -> Self {
        Text::from(&*character.encode_utf8(&mut [0; 4]))
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

impl FromStr for Text {
    type Err = Infallible;

    #[inline]
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Text::from(text))
    }
}

impl Default for Text {
    #[inline]
    fn default() -> Self {
        Text::EMPTY
    }
}

impl AsRef<str> for Text {
    #[inline]
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for Text {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;
        impl<'de> Visitor<'de> for AsText {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Text::try_new(text).map_err(E::custom)
            }

            #[inline]
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text, E> {
                sharing::view_of(text).map_or_else(|| self.visit_str(text), Ok)
            }
        }
        deserializer.deserialize_str(AsText)
    }
}
