//! One piece of what passes over a connection: its length, a checksum, its bytes.
//!
//! ```text
//! length   4 bytes, little endian: of the payload
//! checksum 4 bytes, little endian: CRC-32 of the payload
//! payload
//! ```
//!
//! Holds: nothing is allocated for a length that the reader's limit does not allow, and no payload is handed on whose
//! checksum is another one.

use std::io::{self, Read, Write};

/// The bytes in front of a payload.
pub const HEAD: usize = 8;

/// Appends a frame to a buffer, so that several go out in one write. `payload` appends the bytes.
///
/// # Errors
/// If the payload is longer than a length can say.
pub fn append(buffer: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; HEAD]);
    payload(buffer);
    let bytes = &buffer[start + HEAD..];
    let length = u32::try_from(bytes.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a frame of 4 GiB or more"))?;
    let checksum = crc32fast::hash(bytes);
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
    buffer[start + 4..start + HEAD].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// Writes one frame.
///
/// # Errors
/// If the payload is too long, or the connection fails.
pub fn write(to: &mut impl Write, payload: &[u8]) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(HEAD + payload.len());
    append(&mut buffer, |buffer| buffer.extend_from_slice(payload))?;
    to.write_all(&buffer)
}

/// Reads one frame into `payload`, whose capacity is used again. `limit` is the longest payload allowed, in bytes.
///
/// ```
/// let mut connection = Vec::new();
/// millstream_network::frame::write(&mut connection, b"hello")?;
/// let mut payload = Vec::new();
/// millstream_network::frame::read(&mut &connection[..], &mut payload, 1024)?;
/// assert_eq!(payload, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If the connection fails or ends, the frame is longer than `limit`, or its bytes are not those that were sent.
pub fn read(from: &mut impl Read, payload: &mut Vec<u8>, limit: usize) -> io::Result<()> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    let [a, b, c, d, e, f, g, h] = head;
    let (length, checksum) = (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]));
    if length > limit {
        let text = format!(
            "a frame of {length} bytes, where {limit} are allowed: the peer speaks another protocol?"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    payload.clear();
    // By and by: a length alone does not make a stranger's frame cost its memory.
    let got = from.take(length as u64).read_to_end(payload)?;
    if got < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if crc32fast::hash(payload) != checksum {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame whose checksum is wrong"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_follow_each_other() {
        let mut buffer = Vec::new();
        append(&mut buffer, |buffer| buffer.extend_from_slice(b"one")).unwrap();
        append(&mut buffer, |_| {}).unwrap();
        let (mut from, mut payload) = (&buffer[..], Vec::new());
        read(&mut from, &mut payload, 3).unwrap();
        assert_eq!(payload, b"one");
        read(&mut from, &mut payload, 3).unwrap();
        assert!(payload.is_empty() && from.is_empty());
    }

    #[test]
    fn a_changed_bit_is_noticed_wherever_it_is() {
        let mut sent = Vec::new();
        write(&mut sent, b"records").unwrap();
        for bit in 0..sent.len() * 8 {
            let mut changed = sent.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&mut &changed[..], &mut Vec::new(), 1 << 20).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_beyond_the_limit_is_refused_before_it_is_read() {
        let head = [0xFF; HEAD];
        let error = read(&mut &head[..], &mut Vec::new(), 1 << 20).unwrap_err();
        assert!(error.to_string().contains("another protocol"), "{error}");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_an_error_or_a_payload_within_the_limit(bytes: Vec<u8>) {
            let mut payload = Vec::new();
            if read(&mut &bytes[..], &mut payload, 64).is_ok() {
                prop_assert!(payload.len() <= 64);
            }
        }
    }
}
