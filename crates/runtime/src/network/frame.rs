//! The frames that pass between two processes: a header of 20 bytes and what it announces.
//!
//! Answers for telling frames apart in a stream of bytes and for noticing that bytes were changed, lost or put in.
//! A pure function over bytes. Not for what a frame's payload means.
//! Holds: any bytes give a frame, the wish for more, or an error, never a panic; no frame longer than the limit is ever
//! waited for; what a frame decompresses to is bounded by the same limit.
//!
//! | bytes | |
//! |---|---|
//! | 0-3 | length of the payload |
//! | 4 | kind |
//! | 5 | 1 if the payload is compressed: its length before, in four bytes, then LZ4 |
//! | 6-7 | zero |
//! | 8-11 | channel; zero where the frame is about none |
//! | 12-15 | number of the frame: one more than that of the frame before it on the connection |
//! | 16-19 | CRC-32 of the bytes before it and of the payload |
//!
//! All numbers have their least byte first.

use std::borrow::Cow;

use thiserror::Error;

use super::Compression;

/// The length of a header.
pub const HEADER: usize = 20;

const COMPRESSED: u8 = 1;
/// Shorter payloads are not worth compressing.
const WORTH_COMPRESSING: usize = 256;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records.
    Batch = 1,
    /// A watermark: the time in eight bytes.
    Watermark = 2,
    /// No record is expected for now.
    Idle = 3,
    /// A barrier: the checkpoint's number in eight bytes.
    Barrier = 4,
    /// No record follows on the channel.
    End = 5,
    /// The receiver has opened the channel: its capacity in eight bytes.
    Open = 6,
    /// What the receiver has taken so far: elements, then records, in eight bytes each.
    Credit = 7,
    /// The receiver takes nothing more from the channel.
    Gone = 8,
    /// A sign of life.
    Alive = 9,
    /// The connection is being ended on purpose.
    Bye = 10,
    /// The sender waits with a batch that is larger than half of the channel.
    Want = 11,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Batch,
        Self::Watermark,
        Self::Idle,
        Self::Barrier,
        Self::End,
        Self::Open,
        Self::Credit,
        Self::Gone,
        Self::Alive,
        Self::Bye,
        Self::Want,
    ];

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Why bytes are no frame.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// Longer than is allowed.
    #[error("a frame of {length} bytes, where {limit} is the limit")]
    TooLong {
        /// What was announced.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A kind that there is not, or header bytes that should be zero and are not.
    #[error("a frame of no known kind ({0})")]
    Unknown(u8),
    /// The checksum does not fit.
    #[error("a frame whose checksum does not fit its bytes")]
    Damaged,
    /// The number is not the one that comes next.
    #[error("frame number {came}, where number {expected} was to come")]
    OutOfOrder {
        /// What came.
        came: u32,
        /// What was to come.
        expected: u32,
    },
    /// The payload cannot be decompressed.
    #[error("a frame whose payload cannot be decompressed")]
    Compression,
}

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// The channel.
    pub channel: u32,
    /// What it carries, decompressed.
    pub payload: Cow<'a, [u8]>,
}

/// What the front of some bytes is.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A frame, and how many bytes it takes.
    Frame(Frame<'a>, usize),
    /// The beginning of a frame that has so many bytes in all, as far as is known.
    Needs(usize),
}

fn four(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    u32::from_le_bytes(word.unwrap_or_default())
}

fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(payload);
    hasher.finalize()
}

/// Reads the frame at the front of `input`, which has to be number `expected` and have a payload of at most `limit`
/// bytes, compressed and not.
///
/// ```
/// use millstream_runtime::network::frame::{Kind, Parsed, Writer, parse};
///
/// let mut bytes = Vec::new();
/// Writer::default().put(Kind::Batch, 7, b"records", &mut bytes);
/// let Ok(Parsed::Frame(frame, length)) = parse(&bytes, 0, 1 << 20) else { unreachable!() };
/// assert_eq!((frame.kind, frame.channel, &*frame.payload), (Kind::Batch, 7, &b"records"[..]));
/// assert_eq!(length, bytes.len());
/// ```
///
/// # Errors
/// What is wrong with the frame. The connection cannot go on then.
pub fn parse(input: &[u8], expected: u32, limit: usize) -> Result<Parsed<'_>, FrameError> {
    let Some(header) = input.get(..HEADER) else { return Ok(Parsed::Needs(HEADER)) };
    let length = four(header, 0) as usize;
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    let kind = Kind::of(header[4]).ok_or(FrameError::Unknown(header[4]))?;
    if header[5] > COMPRESSED || header[6..8] != [0, 0] {
        return Err(FrameError::Unknown(header[5]));
    }
    let Some(payload) = input.get(HEADER..HEADER + length) else {
        return Ok(Parsed::Needs(HEADER + length));
    };
    if checksum(&header[..16], payload) != four(header, 16) {
        return Err(FrameError::Damaged);
    }
    let came = four(header, 12);
    if came != expected {
        return Err(FrameError::OutOfOrder { came, expected });
    }
    let payload = if header[5] == COMPRESSED { decompressed(payload, limit)?.into() } else { payload.into() };
    Ok(Parsed::Frame(Frame { kind, channel: four(header, 8), payload }, HEADER + length))
}

fn decompressed(payload: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
    let packed = payload.get(4..).ok_or(FrameError::Compression)?;
    let length = four(payload, 0) as usize;
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    // A byte of LZ4 gives at most 255, so nothing is allocated that what came could not fill.
    if length > packed.len().saturating_mul(255) {
        return Err(FrameError::Compression);
    }
    let unpacked = lz4_flex::block::decompress(packed, length).map_err(|_| FrameError::Compression)?;
    if unpacked.len() == length { Ok(unpacked) } else { Err(FrameError::Compression) }
}

/// Writes the frames of one direction of a connection.
#[derive(Debug, Default)]
pub struct Writer {
    next: u32,
    compression: Compression,
}

impl Writer {
    /// A writer for a new connection.
    pub fn new(compression: Compression) -> Self {
        Self { next: 0, compression }
    }

    /// Appends a frame to `out`. The payload is shorter than 4 GiB: who calls has compared it with the limit.
    pub fn put(&mut self, kind: Kind, channel: u32, payload: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER]);
        out.extend_from_slice(payload);
        self.seal(kind, channel, start, out);
    }

    /// Makes a frame of what is in `out` from `start` on: room for the header, then the payload.
    pub(crate) fn seal(&mut self, kind: Kind, channel: u32, start: usize, out: &mut Vec<u8>) {
        let is_long = out.len() >= start + HEADER + WORTH_COMPRESSING;
        let flag = u8::from(self.compression == Compression::Lz4 && is_long && compress(start + HEADER, out));
        let (header, payload) = out[start..].split_at_mut(HEADER);
        header[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        header[4..8].copy_from_slice(&[kind as u8, flag, 0, 0]);
        header[8..12].copy_from_slice(&channel.to_le_bytes());
        header[12..16].copy_from_slice(&self.next.to_le_bytes());
        let sum = checksum(&header[..16], payload);
        header[16..].copy_from_slice(&sum.to_le_bytes());
        self.next = self.next.wrapping_add(1);
    }
}

/// Compresses what is in `out` from `start` on, unless that makes it no smaller.
fn compress(start: usize, out: &mut Vec<u8>) -> bool {
    let payload = &out[start..];
    let packed = lz4_flex::block::compress(payload);
    let (length, is_smaller) = (payload.len() as u32, packed.len() + 4 < payload.len());
    if is_smaller {
        out.truncate(start);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&packed);
    }
    is_smaller
}

#[cfg(test)]
mod tests;
