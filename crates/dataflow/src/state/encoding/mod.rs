//! The encoding of snapshots and of records on the wire: bytes that describe themselves.
//!
//! Each value carries the tag of its exact type; each struct and each enum variant has a *shape* (its name and its
//! fields' names), which a stream defines once and then refers to by number. So any serde type can be written, and a
//! newer version of a type can read what an older one wrote. The rule for that is strict: a struct may have gained
//! `Option` fields or fields with `#[serde(default)]`; anything else (a field gone, renamed or of another type, be it
//! `u32` and `u64`; a variant gone) is an error that names the field's path and both types. Names of structs and enums
//! are for people only.
//!
//! Answers for bytes and types. Not for where the bytes go, nor for their checksums.
//! Holds: what was written reads back equal; reading never panics, whatever the bytes; lengths are checked against what
//! is left, and values lie at most [`MAX_DEPTH`] deep on both sides.
//!
//! Limits of serde: the contents of `#[serde(flatten)]`, untagged and internally tagged enums pass through serde's own
//! buffer, which takes any integer for any other that fits.

mod access;
mod decoder;
mod describe;
mod encoder;
mod error;
mod parts;
pub(crate) mod plain;
mod shape;
mod signature;
mod tag;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::{DecodeError, EncodeError};
pub use signature::TypeSignature;
pub use tag::{MAX_DEPTH, MAX_SHAPES};

use serde::{Deserialize, Serialize};

/// The bytes of one value, as a stream of its own.
///
/// # Errors
/// As [`Encoder::encode`].
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    Encoder::new().encode(value, &mut out)?;
    Ok(out)
}

/// The value of [`to_bytes`].
///
/// # Errors
/// As [`Decoder::decode`], and where bytes are left over.
pub fn from_bytes<'de, T: Deserialize<'de>>(mut bytes: &'de [u8]) -> Result<T, DecodeError> {
    let value = Decoder::new().decode(&mut bytes)?;
    if bytes.is_empty() { Ok(value) } else { Err(DecodeError::malformed("more than the value")) }
}
