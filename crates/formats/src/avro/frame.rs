//! The frame of a container file: a head, and blocks that each end in the file's marker.

use std::io::{self, Read};

/// What ends each block.
pub(super) const MARKER: usize = 16;
/// The longest head or block that is taken for one.
const LONGEST: u64 = 1 << 30;

/// A block: how many records it has, and their bytes, compressed.
pub(super) struct Block {
    pub(super) count: u64,
    /// With its own frame, marker included.
    pub(super) bytes: Vec<u8>,
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A number as Avro writes it, added to `bytes`; `None` where nothing follows at all.
fn long(input: &mut dyn Read, bytes: &mut Vec<u8>) -> io::Result<Option<i64>> {
    let (mut number, mut shift, begun) = (0_u64, 0, bytes.len());
    loop {
        let mut byte = [0];
        if input.read(&mut byte)? == 0 {
            return if bytes.len() == begun { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        bytes.push(byte[0]);
        if shift > 63 {
            return Err(wrong("a number has more than ten bytes"));
        }
        number |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(Some((number >> 1) as i64 ^ -((number & 1) as i64)));
        }
        shift += 7;
    }
}

/// So many bytes, added to `bytes`.
fn exactly(input: &mut dyn Read, count: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    if count > LONGEST {
        return Err(wrong("a length is beyond a GiB"));
    }
    match input.take(count).read_to_end(bytes)? as u64 {
        read if read < count => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn there(number: Option<i64>) -> io::Result<i64> {
    number.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// The head of a file, up to its first block: the last bytes of it are the marker.
pub(super) fn head(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    exactly(input, 4, &mut bytes)?;
    if bytes != b"Obj\x01" {
        return Err(wrong("it does not begin with Obj and 1"));
    }
    loop {
        let count = match there(long(input, &mut bytes)?)? {
            0 => break,
            // A negative count stands before the bytes of the block.
            count if count < 0 => {
                there(long(input, &mut bytes)?)?;
                count.unsigned_abs()
            }
            count => count.unsigned_abs(),
        };
        for _ in 0..count.saturating_mul(2) {
            let length = there(long(input, &mut bytes)?)?;
            exactly(input, u64::try_from(length).map_err(|_| wrong("a length is negative"))?, &mut bytes)?;
        }
    }
    exactly(input, MARKER as u64, &mut bytes)?;
    Ok(bytes)
}

/// The next block; `None` at the end of the file.
pub(super) fn block(input: &mut dyn Read, marker: &[u8]) -> io::Result<Option<Block>> {
    let mut bytes = Vec::new();
    let Some(count) = long(input, &mut bytes)? else { return Ok(None) };
    let count = u64::try_from(count).map_err(|_| wrong("a block has a negative number of records"))?;
    let length = there(long(input, &mut bytes)?)?;
    exactly(input, u64::try_from(length).map_err(|_| wrong("a block has a negative length"))?, &mut bytes)?;
    exactly(input, MARKER as u64, &mut bytes)?;
    if !bytes.ends_with(marker) {
        return Err(wrong("a block does not end in the marker of its file"));
    }
    Ok(Some(Block { count, bytes }))
}

/// Reads up to the first marker, and behind it; how many bytes stood before it, or `None` if there is no marker.
pub(super) fn behind_marker(input: &mut dyn Read, marker: &[u8]) -> io::Result<Option<u64>> {
    let (mut window, mut passed) = (Vec::with_capacity(MARKER), 0);
    exactly_or_less(input, MARKER as u64, &mut window)?;
    if window.len() < MARKER {
        return Ok(None);
    }
    while window != marker {
        let mut byte = [0];
        if input.read(&mut byte)? == 0 {
            return Ok(None);
        }
        window.remove(0);
        window.push(byte[0]);
        passed += 1;
    }
    Ok(Some(passed))
}

fn exactly_or_less(input: &mut dyn Read, count: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    input.take(count).read_to_end(bytes).map(drop)
}

/// A number as Avro writes it.
pub(super) fn put_long(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push((rest as u8 & 0x7f) | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Bytes with their length before them.
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}
