//! A place in bytes that somebody else wrote.
//!
//! Holds: nothing is read beyond the end, and no length is believed before its bytes are there.

use std::borrow::Cow;
use std::fmt;

/// Bytes that are not what the protocol has in their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::flume) struct Malformed {
    what: Cow<'static, str>,
    at: usize,
}

impl Malformed {
    pub(in crate::flume) fn new(what: impl Into<Cow<'static, str>>, at: usize) -> Self {
        Self { what: what.into(), at }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {} of the message: {}", self.at, self.what)
    }
}

impl std::error::Error for Malformed {}

pub(in crate::flume) type Read<T> = Result<T, Malformed>;

/// Reads from the front.
#[derive(Clone, Debug)]
pub(in crate::flume) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(in crate::flume) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(in crate::flume) fn at(&self) -> usize {
        self.at
    }

    pub(in crate::flume) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// What was read since `from`.
    pub(in crate::flume) fn since(&self, from: usize) -> &'a [u8] {
        &self.bytes[from.min(self.at)..self.at]
    }

    pub(in crate::flume) fn malformed(&self, what: impl Into<Cow<'static, str>>) -> Malformed {
        Malformed::new(what, self.at)
    }

    pub(in crate::flume) fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..count)) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => Err(self.malformed(format!("{count} bytes are expected, and {} are there", self.left()))),
        }
    }

    #[inline]
    pub(in crate::flume) fn byte(&mut self) -> Read<u8> {
        match self.bytes.get(self.at) {
            Some(byte) => {
                self.at += 1;
                Ok(*byte)
            }
            None => Err(self.malformed("it ends too soon")),
        }
    }

    pub(in crate::flume) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| self.malformed("it ends too soon"))
    }

    /// Seven bits a byte, the lowest first.
    #[inline]
    pub(in crate::flume) fn varint(&mut self) -> Read<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.malformed("a number of more than ten bytes"))
    }

    /// A varint in which the lowest bit is the sign.
    #[inline]
    pub(in crate::flume) fn zigzag(&mut self) -> Read<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    /// A count of things that take a byte each at least.
    pub(in crate::flume) fn count(&self, count: u64) -> Read<usize> {
        match usize::try_from(count) {
            Ok(count) if count <= self.left() => Ok(count),
            _ => Err(self.malformed(format!("a length of {count}, where {} bytes are left", self.left()))),
        }
    }

    /// Bytes behind their length, as Avro has them.
    #[inline]
    pub(in crate::flume) fn avro_bytes(&mut self) -> Read<&'a [u8]> {
        let length = self.zigzag()?;
        let length = u64::try_from(length).map_err(|_| self.malformed("a negative length"))?;
        let length = self.count(length)?;
        self.take(length)
    }

    pub(in crate::flume) fn avro_text(&mut self) -> Read<&'a str> {
        let bytes = self.avro_bytes()?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed("a text that is not UTF-8"))
    }

    /// Refuses what is left behind the end.
    pub(in crate::flume) fn end(&self) -> Read<()> {
        match self.left() {
            0 => Ok(()),
            left => Err(self.malformed(format!("{left} bytes stand behind the end of the message"))),
        }
    }
}

/// Writes a number as [`Cursor::varint`] reads it.
pub(in crate::flume) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a number as [`Cursor::zigzag`] reads it.
pub(in crate::flume) fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Writes bytes behind their length, as Avro has them.
pub(in crate::flume) fn put_avro_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, (bytes.len() as u64) << 1);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_as_they_were_written() {
        for value in [0, 1, -1, 63, -64, 64, 300, -70_000, i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            put_zigzag(&mut bytes, value);
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(cursor.zigzag(), Ok(value));
            assert_eq!(cursor.end(), Ok(()));
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_refused_with_what_is_there() {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, u64::MAX - 1);
        let error = Cursor::new(&bytes).avro_bytes().unwrap_err().to_string();
        assert_eq!(
            error,
            "at byte 10 of the message: a length of 9223372036854775807, where 0 bytes are left"
        );
        assert!(Cursor::new(&[0xff; 11]).varint().unwrap_err().to_string().contains("more than ten bytes"));
    }
}
