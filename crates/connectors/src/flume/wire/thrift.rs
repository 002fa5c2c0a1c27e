//! Thrift: frames, and the two encodings of what is in them.
//!
//! Answers for messages, structs and fields, and for passing over fields that nobody here knows. Not for events.
//! Holds: structs within structs are followed so deep and no deeper; a list is as long as its bytes allow.

use super::cursor::{Cursor, Malformed, Read, put_varint, put_zigzag};

/// How deep values that are passed over may stand in each other.
const DEEPEST: u8 = 16;

/// How the bytes of a message are to be read; a message says it by its first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flume) enum Encoding {
    Compact,
    Binary,
}

/// What stands in a field, as far as reading on asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flume) enum Kind {
    /// A truth, whose value the compact encoding has in the field's head.
    True,
    False,
    /// A truth of its own byte.
    Bool,
    Byte,
    I16,
    I32,
    I64,
    Double,
    Bytes,
    List,
    Set,
    Map,
    Struct,
    Uuid,
}

/// The call or answer that a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flume) enum MessageType {
    Call = 1,
    Reply = 2,
    Exception = 3,
}

/// How long the frame at the front is with its length, once that is known.
pub(in crate::flume) fn whole(bytes: &[u8], max: usize) -> Read<Option<usize>> {
    let Some(length) = bytes.get(..4).and_then(|four| <[u8; 4]>::try_from(four).ok()) else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(length);
    let end = usize::try_from(length).ok().and_then(|length| length.checked_add(4));
    let end = end.filter(|end| (5..=max).contains(end)).ok_or_else(|| {
        Malformed::new(
            format!("a frame of {length} bytes, where it has 1 at the least and {max} at the most"),
            0,
        )
    })?;
    Ok((end <= bytes.len()).then_some(end))
}

/// Reads a message.
#[derive(Clone)]
pub(in crate::flume) struct Reading<'a> {
    pub(in crate::flume) encoding: Encoding,
    pub(in crate::flume) bytes: Cursor<'a>,
}

impl<'a> Reading<'a> {
    /// Begins: what the message is, its method, its number.
    pub(in crate::flume) fn message(bytes: &'a [u8]) -> Read<(Self, u8, &'a str, i32)> {
        let mut cursor = Cursor::new(bytes);
        let encoding = match cursor.byte()? {
            0x82 => Encoding::Compact,
            0x80 => Encoding::Binary,
            other => {
                let what =
                    format!("the byte {other:#04x} begins neither a compact nor a binary message of Thrift");
                return Err(Malformed::new(what, 0));
            }
        };
        let mut own = Self { encoding, bytes: cursor };
        let (kind, name, number);
        match encoding {
            Encoding::Compact => {
                let head = own.bytes.byte()?;
                if head & 0x1f != 1 {
                    return Err(own
                        .bytes
                        .malformed(format!("version {} of the compact encoding", head & 0x1f)));
                }
                kind = head >> 5;
                // Numbers are written as they are, negative ones as the large ones of the same bits.
                number = (own.bytes.varint()? as u32).cast_signed();
                name = own.text()?;
            }
            Encoding::Binary => {
                let [version, _, of] = own.bytes.array()?;
                if version != 1 {
                    return Err(own.bytes.malformed(format!("version {version} of the binary encoding")));
                }
                kind = of;
                name = own.text()?;
                number = i32::from_be_bytes(own.bytes.array()?);
            }
        }
        Ok((own, kind, name, number))
    }

    /// The next field of a struct, after that of id `last`; `None` at its end.
    #[inline]
    pub(in crate::flume) fn field(&mut self, last: &mut i16) -> Read<Option<Kind>> {
        let head = self.bytes.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let kind = match self.encoding {
            Encoding::Compact => {
                *last = match head >> 4 {
                    0 => i16::try_from(self.bytes.zigzag()?)
                        .map_err(|_| self.bytes.malformed("a field's id is no 16-bit number"))?,
                    delta => last.wrapping_add(i16::from(delta)),
                };
                self.compact_kind(head & 0x0f)?
            }
            Encoding::Binary => {
                *last = i16::from_be_bytes(self.bytes.array()?);
                self.binary_kind(head)?
            }
        };
        Ok(Some(kind))
    }

    fn compact_kind(&self, code: u8) -> Read<Kind> {
        Ok(match code {
            1 => Kind::True,
            2 => Kind::False,
            3 => Kind::Byte,
            4 => Kind::I16,
            5 => Kind::I32,
            6 => Kind::I64,
            7 => Kind::Double,
            8 => Kind::Bytes,
            9 => Kind::List,
            10 => Kind::Set,
            11 => Kind::Map,
            12 => Kind::Struct,
            13 => Kind::Uuid,
            other => return Err(self.bytes.malformed(format!("there is no type {other}"))),
        })
    }

    fn binary_kind(&self, code: u8) -> Read<Kind> {
        Ok(match code {
            2 => Kind::Bool,
            3 => Kind::Byte,
            4 => Kind::Double,
            6 => Kind::I16,
            8 => Kind::I32,
            10 => Kind::I64,
            11 => Kind::Bytes,
            12 => Kind::Struct,
            13 => Kind::Map,
            14 => Kind::Set,
            15 => Kind::List,
            16 => Kind::Uuid,
            other => return Err(self.bytes.malformed(format!("there is no type {other}"))),
        })
    }

    /// The type of the items of a list or set, and their count.
    pub(in crate::flume) fn list(&mut self) -> Read<(Kind, usize)> {
        let head = self.bytes.byte()?;
        let (kind, count) = match self.encoding {
            Encoding::Compact => {
                let count = match head >> 4 {
                    15 => self.bytes.varint()?,
                    few => u64::from(few),
                };
                // A truth in a list has a byte of its own.
                let kind =
                    if matches!(head & 0x0f, 1 | 2) { Kind::Bool } else { self.compact_kind(head & 0x0f)? };
                (kind, count)
            }
            Encoding::Binary => (self.binary_kind(head)?, u64::from(u32::from_be_bytes(self.bytes.array()?))),
        };
        Ok((kind, self.bytes.count(count)?))
    }

    /// The types of the keys and values of a map, and their count.
    pub(in crate::flume) fn map(&mut self) -> Read<(Kind, Kind, usize)> {
        match self.encoding {
            Encoding::Compact => {
                let count = self.bytes.varint()?;
                let count = self.bytes.count(count)?;
                if count == 0 {
                    return Ok((Kind::Bytes, Kind::Bytes, 0));
                }
                let kinds = self.bytes.byte()?;
                let of =
                    |code: u8| if matches!(code, 1 | 2) { Ok(Kind::Bool) } else { self.compact_kind(code) };
                Ok((of(kinds >> 4)?, of(kinds & 0x0f)?, count))
            }
            Encoding::Binary => {
                let [keys, values] = self.bytes.array()?;
                let count = u64::from(u32::from_be_bytes(self.bytes.array()?));
                let count = self.bytes.count(count)?;
                // Clients have been seen to leave the types of an empty map out.
                if count == 0 {
                    return Ok((Kind::Bytes, Kind::Bytes, 0));
                }
                Ok((self.binary_kind(keys)?, self.binary_kind(values)?, count))
            }
        }
    }

    #[inline]
    pub(in crate::flume) fn binary(&mut self) -> Read<&'a [u8]> {
        let length = match self.encoding {
            Encoding::Compact => self.bytes.varint()?,
            Encoding::Binary => u64::from(u32::from_be_bytes(self.bytes.array()?)),
        };
        let length = self.bytes.count(length)?;
        self.bytes.take(length)
    }

    #[inline]
    pub(in crate::flume) fn text(&mut self) -> Read<&'a str> {
        let bytes = self.binary()?;
        std::str::from_utf8(bytes).map_err(|_| self.bytes.malformed("a text that is not UTF-8"))
    }

    pub(in crate::flume) fn i32(&mut self) -> Read<i32> {
        match self.encoding {
            Encoding::Compact => {
                let number = self.bytes.zigzag()?;
                i32::try_from(number).map_err(|_| self.bytes.malformed("no 32-bit number"))
            }
            Encoding::Binary => Ok(i32::from_be_bytes(self.bytes.array()?)),
        }
    }

    /// Passes over a value.
    pub(in crate::flume) fn skip(&mut self, kind: Kind) -> Read<()> {
        self.skip_at(kind, 0)
    }

    fn skip_at(&mut self, kind: Kind, depth: u8) -> Read<()> {
        if depth > DEEPEST {
            return Err(self.bytes.malformed(format!("values stand in each other more than {DEEPEST} deep")));
        }
        let is_compact = self.encoding == Encoding::Compact;
        match kind {
            Kind::True | Kind::False => {}
            Kind::Bool | Kind::Byte => drop(self.bytes.byte()?),
            Kind::I16 | Kind::I32 | Kind::I64 if is_compact => drop(self.bytes.varint()?),
            Kind::I16 => drop(self.bytes.take(2)?),
            Kind::I32 => drop(self.bytes.take(4)?),
            Kind::I64 | Kind::Double => drop(self.bytes.take(8)?),
            Kind::Uuid => drop(self.bytes.take(16)?),
            Kind::Bytes => drop(self.binary()?),
            Kind::List | Kind::Set => {
                let (kind, count) = self.list()?;
                for _ in 0..count {
                    self.skip_at(kind, depth + 1)?;
                }
            }
            Kind::Map => {
                let (keys, values, count) = self.map()?;
                for _ in 0..count {
                    self.skip_at(keys, depth + 1)?;
                    self.skip_at(values, depth + 1)?;
                }
            }
            Kind::Struct => {
                let mut last = 0;
                while let Some(kind) = self.field(&mut last)? {
                    self.skip_at(kind, depth + 1)?;
                }
            }
        }
        Ok(())
    }
}

/// Writes messages.
#[derive(Clone, Copy)]
pub(in crate::flume) struct Writing(pub(in crate::flume) Encoding);

impl Writing {
    pub(in crate::flume) fn message(self, kind: MessageType, name: &str, number: i32, out: &mut Vec<u8>) {
        match self.0 {
            Encoding::Compact => {
                out.extend_from_slice(&[0x82, (kind as u8) << 5 | 1]);
                put_varint(out, u64::from(number.cast_unsigned()));
                self.binary(name.as_bytes(), out);
            }
            Encoding::Binary => {
                out.extend_from_slice(&[0x80, 1, 0, kind as u8]);
                self.binary(name.as_bytes(), out);
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
    }

    /// Begins a field whose id is `step` above that of the field before.
    pub(in crate::flume) fn field(self, kind: Kind, id: i16, step: u8, out: &mut Vec<u8>) {
        match self.0 {
            Encoding::Compact if step == 0 => {
                out.push(code(self.0, kind));
                put_zigzag(out, id.into());
            }
            Encoding::Compact => out.push(step << 4 | code(self.0, kind)),
            Encoding::Binary => {
                out.push(code(self.0, kind));
                out.extend_from_slice(&id.to_be_bytes());
            }
        }
    }

    pub(in crate::flume) fn list(self, kind: Kind, count: u32, out: &mut Vec<u8>) {
        match self.0 {
            Encoding::Compact if count < 15 => out.push((count as u8) << 4 | code(self.0, kind)),
            Encoding::Compact => {
                out.push(0xf0 | code(self.0, kind));
                put_varint(out, count.into());
            }
            Encoding::Binary => {
                out.push(code(self.0, kind));
                out.extend_from_slice(&count.to_be_bytes());
            }
        }
    }

    /// Begins a map of texts.
    pub(in crate::flume) fn map(self, count: u32, out: &mut Vec<u8>) {
        let text = code(self.0, Kind::Bytes);
        match self.0 {
            Encoding::Compact if count == 0 => out.push(0),
            Encoding::Compact => {
                put_varint(out, count.into());
                out.push(text << 4 | text);
            }
            Encoding::Binary => {
                out.extend_from_slice(&[text, text]);
                out.extend_from_slice(&count.to_be_bytes());
            }
        }
    }

    pub(in crate::flume) fn binary(self, bytes: &[u8], out: &mut Vec<u8>) {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        match self.0 {
            Encoding::Compact => put_varint(out, length.into()),
            Encoding::Binary => out.extend_from_slice(&length.to_be_bytes()),
        }
        out.extend_from_slice(bytes);
    }

    pub(in crate::flume) fn i32(self, number: i32, out: &mut Vec<u8>) {
        match self.0 {
            Encoding::Compact => put_zigzag(out, number.into()),
            Encoding::Binary => out.extend_from_slice(&number.to_be_bytes()),
        }
    }
}

fn code(encoding: Encoding, kind: Kind) -> u8 {
    let (compact, binary) = match kind {
        Kind::True => (1, 2),
        Kind::False => (2, 2),
        Kind::Bool => (1, 2),
        Kind::Byte => (3, 3),
        Kind::I16 => (4, 6),
        Kind::I32 => (5, 8),
        Kind::I64 => (6, 10),
        Kind::Double => (7, 4),
        Kind::Bytes => (8, 11),
        Kind::List => (9, 15),
        Kind::Set => (10, 14),
        Kind::Map => (11, 13),
        Kind::Struct => (12, 12),
        Kind::Uuid => (13, 16),
    };
    if encoding == Encoding::Compact { compact } else { binary }
}
