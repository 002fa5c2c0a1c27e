//! The blocks that Hadoop's codecs write for snappy and lz4: no frame, but the length of each block before it is compressed,
//! and of each of its chunks when it is.
//!
//! Holds: a file that is cut off within a block is an error; what a length says is believed up to a bound.

use std::io::{self, Read};

/// The longest block or chunk that is taken for one: Hadoop's have 256 KiB, if nothing else is said.
const LONGEST: usize = 256 << 20;

/// Decompresses a chunk, of which no more than so many bytes are still to come.
type Chunk = fn(&[u8], usize) -> io::Result<Vec<u8>>;

/// Reads block after block.
pub(super) struct Blocks<R> {
    file: R,
    chunk: Chunk,
    /// How many bytes of the block are still to come.
    left: usize,
    bytes: Vec<u8>,
    read: usize,
}

pub(super) fn snappy(chunk: &[u8], _: usize) -> io::Result<Vec<u8>> {
    if snap::raw::decompress_len(chunk).map_err(wrong)? > LONGEST {
        return Err(wrong("its length is no block's"));
    }
    snap::raw::Decoder::new().decompress_vec(chunk).map_err(wrong)
}

pub(super) fn lz4(chunk: &[u8], left: usize) -> io::Result<Vec<u8>> {
    lz4_flex::block::decompress(chunk, left).map_err(wrong)
}

fn wrong(why: impl std::fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("there is no block that Hadoop could have written: {why}"),
    )
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(file: R, chunk: Chunk) -> Self {
        Self { file, chunk, left: 0, bytes: Vec::new(), read: 0 }
    }

    /// A length; `None` at the end of the file.
    fn length(&mut self) -> io::Result<Option<usize>> {
        let mut bytes = [0; 4];
        let mut read = 0;
        while read < bytes.len() {
            match self.file.read(&mut bytes[read..])? {
                0 if read == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => read += count,
            }
        }
        let length = u32::from_be_bytes(bytes) as usize;
        if length > LONGEST {
            return Err(wrong(format!("a length of {length} bytes")));
        }
        Ok(Some(length))
    }

    /// The next chunk; `false` at the end of the file.
    fn next(&mut self) -> io::Result<bool> {
        while self.left == 0 {
            match self.length()? {
                Some(length) => self.left = length,
                None => return Ok(false),
            }
        }
        let length = self.length()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut chunk = Vec::new();
        self.file.by_ref().take(length as u64).read_to_end(&mut chunk)?;
        if chunk.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (self.bytes, self.read) = ((self.chunk)(&chunk, self.left)?, 0);
        self.left = self
            .left
            .checked_sub(self.bytes.len())
            .ok_or_else(|| wrong("a chunk is longer than its block"))?;
        Ok(true)
    }
}

impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.read == self.bytes.len() {
            if into.is_empty() || !self.next()? {
                return Ok(0);
            }
        }
        let count = into.len().min(self.bytes.len() - self.read);
        into[..count].copy_from_slice(&self.bytes[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}
