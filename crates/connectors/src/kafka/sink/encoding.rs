//! How the protocol writes numbers, texts and lists; in two manners, of which the newer is called compact.
//!
//! Holds: reading behind the end of an answer is an error, never a panic, and reserves no memory.

use millstream_model::error::{Failure, Result};

/// A request being written.
#[derive(Default)]
pub(super) struct Request(Vec<u8>);

impl Request {
    pub(super) fn int8(&mut self, value: i8) {
        self.0.extend(value.to_be_bytes());
    }

    pub(super) fn int16(&mut self, value: i16) {
        self.0.extend(value.to_be_bytes());
    }

    pub(super) fn int32(&mut self, value: i32) {
        self.0.extend(value.to_be_bytes());
    }

    pub(super) fn int64(&mut self, value: i64) {
        self.0.extend(value.to_be_bytes());
    }

    pub(super) fn string(&mut self, text: &str) {
        self.int16(i16::try_from(text.len()).unwrap_or(i16::MAX));
        self.0.extend(text.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.int32(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        self.0.extend(bytes);
    }

    pub(super) fn compact_count(&mut self, count: usize) {
        let mut rest = count as u64 + 1;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    pub(super) fn compact_string(&mut self, text: &str) {
        self.compact_count(text.len());
        self.0.extend(text.as_bytes());
    }

    /// No tagged fields.
    pub(super) fn tags(&mut self) {
        self.0.push(0);
    }

    /// The request with its head and length. Requests that end in tagged fields have them in their head too.
    pub(super) fn framed(self, key: i16, version: i16, number: i32) -> Vec<u8> {
        let mut whole = Self(vec![0; 4]);
        whole.int16(key);
        whole.int16(version);
        whole.int32(number);
        whole.string("millstream");
        if key >= FIRST_COMPACT {
            whole.tags();
        }
        whole.0.extend(self.0);
        let length = i32::try_from(whole.0.len() - 4).unwrap_or(i32::MAX);
        whole.0[..4].copy_from_slice(&length.to_be_bytes());
        whole.0
    }
}

/// From this request on, those that are used here know the compact manner alone.
const FIRST_COMPACT: i16 = 65;

/// An answer being read.
pub(super) struct Answer {
    bytes: Vec<u8>,
    at: usize,
    from: String,
}

impl Answer {
    pub(super) fn new(bytes: Vec<u8>, from: String) -> Self {
        Self { bytes, at: 0, from }
    }

    fn take(&mut self, count: usize) -> Result<&[u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            return Err(Failure::external(format!("an answer of Kafka broker {} is cut short", self.from)));
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    pub(super) fn int16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.number()?))
    }

    pub(super) fn int32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.number()?))
    }

    pub(super) fn int64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.number()?))
    }

    pub(super) fn count(&mut self) -> Result<usize> {
        Ok(usize::try_from(self.int32()?).unwrap_or(0))
    }

    pub(super) fn string(&mut self) -> Result<String> {
        let length = usize::try_from(self.int16()?).unwrap_or(0);
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>> {
        let length = self.count()?;
        Ok(self.take(length)?.to_vec())
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.number()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Failure::external(format!("an answer of Kafka broker {} has a number without end", self.from)))
    }

    pub(super) fn compact_count(&mut self) -> Result<usize> {
        Ok(usize::try_from(self.varint()?.saturating_sub(1)).unwrap_or(usize::MAX))
    }

    pub(super) fn compact_string(&mut self) -> Result<String> {
        let length = self.compact_count()?;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// Passes over tagged fields.
    pub(super) fn tags(&mut self) -> Result<()> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
            self.take(length)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut request = Request::default();
        request.int16(-2);
        request.string("ab");
        request.compact_string(&"x".repeat(200));
        request.tags();
        let mut answer = Answer::new(request.0, "one".into());
        assert_eq!(answer.int16().unwrap(), -2);
        assert_eq!(answer.string().unwrap(), "ab");
        assert_eq!(answer.compact_string().unwrap().len(), 200);
        answer.tags().unwrap();
        assert!(answer.int16().is_err());
    }

    #[test]
    fn an_answer_that_lies_about_its_lengths_is_an_error() {
        for bytes in [vec![0xFF; 12], vec![0x7F, 0xFF], vec![0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1]] {
            let mut answer = Answer::new(bytes.clone(), "one".into());
            assert!(answer.compact_string().is_err());
            let mut answer = Answer::new(bytes, "one".into());
            assert!(answer.tags().is_err());
        }
    }
}
