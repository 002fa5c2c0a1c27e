//! The frames in which Avro's messages travel: a serial number, and a list of buffers that are one message.
//!
//! Holds: a frame is looked at as its bytes come, each list entry once; what it announces is refused before it is kept.

use super::cursor::{Malformed, Read};

/// Buffers are about 8 KiB in what Avro sends; a frame of this size in bytes for each is taken for an attack.
const LEAST_BUFFER: usize = 256;
/// Buffers that any frame may have.
const FEW: usize = 64;

/// A frame that is coming.
#[derive(Debug, Default)]
pub(in crate::flume) struct Frames {
    serial: [u8; 4],
    /// Where the next buffer's length stands; 0 before the frame's head.
    at: usize,
    buffers: usize,
    parts: Vec<(usize, usize)>,
}

impl Frames {
    /// How long the frame at the front is, once it is whole. `bytes` are those given before, with what came behind them.
    pub(in crate::flume) fn whole(&mut self, bytes: &[u8], max: usize) -> Read<Option<usize>> {
        let int = |at: usize| bytes.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok());
        if self.at == 0 {
            let (Some(serial), Some(buffers)) = (int(0), int(4)) else { return Ok(None) };
            let buffers = i32::from_be_bytes(buffers);
            let most = FEW + max / LEAST_BUFFER;
            self.buffers = usize::try_from(buffers).ok().filter(|count| *count <= most).ok_or_else(|| {
                Malformed::new(format!("a frame of {buffers} buffers, where {most} are the most"), 4)
            })?;
            (self.serial, self.at) = (serial, 8);
        }
        while self.parts.len() < self.buffers {
            let Some(length) = int(self.at) else { return Ok(None) };
            let length = i32::from_be_bytes(length);
            let end = usize::try_from(length).ok().and_then(|length| (self.at + 4).checked_add(length));
            let end = end.filter(|end| *end <= max).ok_or_else(|| {
                let what = format!("a buffer of {length} bytes, where a frame has {max} at the most");
                Malformed::new(what, self.at)
            })?;
            self.parts.push((self.at + 4, end));
            self.at = end;
        }
        Ok((self.at <= bytes.len()).then_some(self.at))
    }

    /// The serial number and the message of the frame that [`Frames::whole`] has found; puts its buffers together in
    /// their place.
    pub(in crate::flume) fn open<'a>(&mut self, frame: &'a mut [u8]) -> (i32, &'a mut [u8]) {
        let serial = i32::from_be_bytes(self.serial);
        let end = self.parts.last().map_or(0, |(_, end)| *end);
        // The first buffers are the short ones: they are moved towards the last.
        let mut begin = end;
        for (from, to) in self.parts.drain(..).rev() {
            begin -= to - from;
            if from != begin {
                frame.copy_within(from..to, begin);
            }
        }
        (self.at, self.buffers) = (0, 0);
        (serial, &mut frame[begin..end])
    }
}

/// Begins a frame of one buffer; [`end_frame`] is given where it began.
pub(in crate::flume) fn begin_frame(out: &mut Vec<u8>, serial: i32) -> usize {
    out.extend_from_slice(&serial.to_be_bytes());
    out.extend_from_slice(&1_i32.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.len()
}

/// Ends a frame.
pub(in crate::flume) fn end_frame(out: &mut [u8], begin: usize) {
    let length = u32::try_from(out.len() - begin).unwrap_or(u32::MAX);
    out[begin - 4..begin].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = [7_i32.to_be_bytes(), (parts.len() as i32).to_be_bytes()].concat();
        for part in parts {
            bytes.extend((part.len() as i32).to_be_bytes());
            bytes.extend(*part);
        }
        bytes
    }

    #[test]
    fn a_frame_that_comes_byte_by_byte_is_put_together_from_its_buffers() {
        let mut bytes = frame(&[b"ab", b"", b"cdefg", b"h"]);
        let (mut frames, length) = (Frames::default(), bytes.len());
        for end in 0..length {
            assert_eq!(frames.whole(&bytes[..end], 100), Ok(None), "{end}");
        }
        bytes.extend(b"next");
        assert_eq!(frames.whole(&bytes, 100), Ok(Some(length)));
        let (serial, message) = frames.open(&mut bytes[..length]);
        assert_eq!((serial, &*message), (7, &b"abcdefgh"[..]));
        assert_eq!(frames.whole(&frame(&[]), 100), Ok(Some(8)));
        assert_eq!(frames.open(&mut frame(&[])).1, b"");
    }

    #[test]
    fn what_is_announced_beyond_the_limit_is_refused_at_once() {
        let refused = |bytes: &[u8]| Frames::default().whole(bytes, 1_000).unwrap_err().to_string();
        assert!(refused(b"GET / HTTP/1.1").contains("buffers, where 67 are the most"));
        let huge = [&[0, 0, 0, 1, 0, 0, 0, 1][..], &i32::MAX.to_be_bytes()].concat();
        let expected =
            "at byte 8 of the message: a buffer of 2147483647 bytes, where a frame has 1000 at the most";
        assert_eq!(refused(&huge), expected);
        assert!(refused(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]).contains("a frame of -1 buffers"));
    }
}
