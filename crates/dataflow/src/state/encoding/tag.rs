//! The bytes values begin with, and the variable-length integers behind them.
//!
//! Answers for the alphabet of the encoding and its limits. Not for what the tags mean together (`encoder`, `decoder`).
//! Holds: reading takes any bytes; what is cut short or over a limit is an error.

use super::error::DecodeError;

pub(super) const UNIT: u8 = 0;
pub(super) const NONE: u8 = 1;
pub(super) const SOME: u8 = 2;
pub(super) const FALSE: u8 = 3;
pub(super) const TRUE: u8 = 4;
pub(super) const U8: u8 = 5;
pub(super) const U16: u8 = 6;
pub(super) const U32: u8 = 7;
pub(super) const U64: u8 = 8;
pub(super) const U128: u8 = 9;
pub(super) const I8: u8 = 10;
pub(super) const I16: u8 = 11;
pub(super) const I32: u8 = 12;
pub(super) const I64: u8 = 13;
pub(super) const I128: u8 = 14;
pub(super) const F32: u8 = 15;
pub(super) const F64: u8 = 16;
pub(super) const CHAR: u8 = 17;
pub(super) const STR: u8 = 18;
pub(super) const BYTES: u8 = 19;
pub(super) const SEQ: u8 = 20;
pub(super) const TUPLE: u8 = 21;
pub(super) const MAP: u8 = 22;
/// A shape of the dictionary follows by number, then the parts.
pub(super) const SHAPE: u8 = 23;
/// A shape is defined here, under the number given, and used at once.
pub(super) const DEFINE: u8 = 24;

/// How deep values may lie within each other; both sides keep it, so that what was written can be read.
pub const MAX_DEPTH: u16 = 128;

/// How many shapes one stream may define.
pub const MAX_SHAPES: usize = 4096;

/// Appends `value`, seven bits a byte, the lowest first.
#[inline]
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number written by [`put_varint`] off the front of `input`.
#[inline]
pub(super) fn take_varint(input: &mut &[u8]) -> Result<u64, DecodeError> {
    if let [first, rest @ ..] = input
        && *first < 0x80
    {
        *input = rest;
        return Ok(u64::from(*first));
    }
    take_long_varint(input)
}

fn take_long_varint(input: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut value = 0u64;
    for (index, byte) in input.iter().enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && *byte > 1 {
            return Err(DecodeError::malformed("a number of more than 64 bits"));
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            *input = &input[index + 1..];
            return Ok(value);
        }
    }
    Err(DecodeError::cut_short())
}

/// Maps signed numbers to unsigned ones so that small ones stay small.
#[inline]
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[inline]
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Takes `length` bytes off the front of `input`.
#[inline]
pub(super) fn take_bytes<'de>(input: &mut &'de [u8], length: usize) -> Result<&'de [u8], DecodeError> {
    match input.split_at_checked(length) {
        Some((taken, rest)) => {
            *input = rest;
            Ok(taken)
        }
        None => Err(DecodeError::cut_short()),
    }
}

/// Takes a length, refusing one that needs more bytes than there are, at `least` bytes an item.
#[inline]
pub(super) fn take_length(input: &mut &[u8], least: usize) -> Result<usize, DecodeError> {
    let length = take_varint(input)?;
    match usize::try_from(length)
        .ok()
        .and_then(|length| length.checked_mul(least).map(|bytes| (length, bytes)))
    {
        Some((length, bytes)) if bytes <= input.len() => Ok(length),
        _ => Err(DecodeError::cut_short()),
    }
}

/// Takes a length and as much text.
pub(super) fn take_str<'de>(input: &mut &'de [u8]) -> Result<&'de str, DecodeError> {
    let length = take_length(input, 1)?;
    let bytes = take_bytes(input, length)?;
    std::str::from_utf8(bytes).map_err(|_| DecodeError::malformed("text that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_varint_reads_back_as_written(value: u64) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut input = bytes.as_slice();
            prop_assert_eq!(take_varint(&mut input).unwrap(), value);
            prop_assert!(input.is_empty());
            prop_assert!(take_varint(&mut &bytes[..bytes.len() - 1]).is_err());
        }

        #[test]
        fn zigzag_is_undone(value: i64) {
            prop_assert_eq!(unzigzag(zigzag(value)), value);
        }
    }

    #[test]
    fn a_varint_of_more_than_64_bits_is_refused() {
        assert!(take_varint(&mut [0xff; 10].as_slice()).is_err());
    }
}
