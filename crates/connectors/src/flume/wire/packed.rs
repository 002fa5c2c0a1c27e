//! Events on their way from a connection to the job: one behind the other, as Avro writes them.
//!
//! Answers for one form of what four protocols bring, in memory and in the log. Not for the protocols.
//! Holds: what was packed was checked, headers are UTF-8; what is unpacked is what came.

use std::collections::BTreeMap;

use super::cursor::{Cursor, Read, put_avro_bytes, put_varint};
use crate::flume::event::FlumeEvent;

/// Some events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::flume) struct Packed {
    pub(in crate::flume) bytes: Vec<u8>,
    pub(in crate::flume) count: u32,
}

impl Packed {
    pub(in crate::flume) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// Takes over an event out of an Avro message.
    #[inline]
    pub(in crate::flume) fn take_avro(&mut self, message: &mut Cursor<'_>) -> Read<()> {
        let begin = message.at();
        let mut is_plain = true;
        let mut headers = Headers::default();
        while let Some((_, _)) = headers.next(message)? {
            is_plain &= headers.is_plain;
        }
        is_plain &= headers.is_plain;
        message.avro_bytes()?;
        if is_plain {
            self.bytes.extend_from_slice(message.since(begin));
        } else {
            // Blocks with their size before them: written anew without.
            let mut again = Cursor::new(message.since(begin));
            let (mut headers, mut all) = (Headers::default(), Vec::new());
            while let Some(header) = headers.next(&mut again)? {
                all.push(header);
            }
            let body = again.avro_bytes()?;
            self.put(all.iter().copied(), body);
            return Ok(());
        }
        self.count += 1;
        Ok(())
    }

    /// Adds an event whose headers are known to be UTF-8.
    pub(in crate::flume) fn put<'a>(
        &mut self,
        headers: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
        body: &[u8],
    ) {
        if headers.len() > 0 {
            put_varint(&mut self.bytes, (headers.len() as u64) << 1);
            for (name, value) in headers {
                put_avro_bytes(&mut self.bytes, name.as_bytes());
                put_avro_bytes(&mut self.bytes, value.as_bytes());
            }
        }
        self.bytes.push(0);
        put_avro_bytes(&mut self.bytes, body);
        self.count += 1;
    }

    pub(in crate::flume) fn put_event(&mut self, event: &FlumeEvent) {
        self.put(event.headers.iter().map(|(name, value)| (&**name, &**value)), &event.body);
    }
}

/// Reads the next event of those packed.
pub(in crate::flume) fn unpack(packed: &mut Cursor<'_>) -> Read<FlumeEvent> {
    let (mut headers, mut found) = (Headers::default(), BTreeMap::new());
    while let Some((name, value)) = headers.next(packed)? {
        found.insert(name.to_owned(), value.to_owned());
    }
    Ok(FlumeEvent { headers: found, body: packed.avro_bytes()?.to_vec() })
}

/// Goes over a map of texts, which is blocks of entries, each behind its count.
#[derive(Default)]
pub(in crate::flume) struct Headers {
    left: u64,
    has_size: bool,
    is_plain: bool,
    begun: bool,
}

impl Headers {
    #[inline]
    pub(in crate::flume) fn next<'a>(
        &mut self,
        message: &mut Cursor<'a>,
    ) -> Read<Option<(&'a str, &'a str)>> {
        if !self.begun {
            (self.begun, self.is_plain) = (true, true);
        }
        if self.left == 0 {
            self.left = block(message, &mut self.has_size)?;
            self.is_plain &= !self.has_size;
            if self.left == 0 {
                return Ok(None);
            }
        }
        self.left -= 1;
        Ok(Some((message.avro_text()?, message.avro_text()?)))
    }
}

/// The count of a block's items; 0 behind the last block. A negative count has the block's size in bytes behind it.
#[inline]
pub(in crate::flume) fn block(message: &mut Cursor<'_>, has_size: &mut bool) -> Read<u64> {
    let count = message.zigzag()?;
    *has_size = count < 0;
    if *has_size {
        let size = message.zigzag()?;
        let size = u64::try_from(size).map_err(|_| message.malformed("a block of negative size"))?;
        message.count(size)?;
    }
    let count = message.count(count.unsigned_abs())?;
    Ok(count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_with_their_size_are_packed_without() {
        // One header in a block of count -1 and size 4, and one in a plain block.
        let bytes = [&[1, 8, 2, b'a', 2, b'b'][..], &[2, 2, b'c', 2, b'd', 0], &[4, b'x', b'y']].concat();
        let mut packed = Packed::default();
        packed.take_avro(&mut Cursor::new(&bytes)).unwrap();
        let expected = FlumeEvent::new("xy").header("a", "b").header("c", "d");
        assert_eq!((packed.count, unpack(&mut Cursor::new(&packed.bytes)).unwrap()), (1, expected.clone()));
        let mut own = Packed::default();
        own.put_event(&expected);
        assert_eq!(own, packed);
    }

    #[test]
    fn a_header_that_is_no_text_is_refused() {
        let bytes = [2, 2, 0xff, 2, b'b', 0, 0];
        let error = Packed::default().take_avro(&mut Cursor::new(&bytes)).unwrap_err().to_string();
        assert!(error.contains("a text that is not UTF-8"), "{error}");
    }
}
