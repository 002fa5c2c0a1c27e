//! A connection of which each direction is one zlib stream.
//!
//! Holds: a message is whole at the other end when [`Deflater::flush`] has returned it; no more is inflated than there is
//! room for.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::cursor::Malformed;

/// The writing side.
pub(in crate::flume) struct Deflater(Compress);

impl Deflater {
    pub(in crate::flume) fn new() -> Self {
        Self(Compress::new(Compression::default(), true))
    }

    /// Compresses a message behind what is in `out`, up to its last byte.
    ///
    /// # Errors
    /// None that a stream of this library can have in this use.
    pub(in crate::flume) fn flush(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let begin = self.0.total_in();
        loop {
            out.reserve(message.len() / 2 + 64);
            let done = usize::try_from(self.0.total_in() - begin).unwrap_or(usize::MAX).min(message.len());
            let free = out.capacity() - out.len();
            let before = self.0.total_out();
            self.0
                .compress_vec(&message[done..], out, FlushCompress::Sync)
                .map_err(|error| Malformed::new(format!("it cannot be compressed: {error}"), done))?;
            let is_read = self.0.total_in() - begin == message.len() as u64;
            // Room that is left says that nothing was held back for want of it.
            if is_read && self.0.total_out() - before < free as u64 {
                return Ok(());
            }
        }
    }
}

/// The reading side.
pub(in crate::flume) struct Inflater(Decompress);

impl Inflater {
    pub(in crate::flume) fn new() -> Self {
        Self(Decompress::new(true))
    }

    /// Inflates into `room`; gives how many bytes were read and written. Is to be called again, with what was not read,
    /// until it writes nothing.
    pub(in crate::flume) fn inflate(
        &mut self,
        bytes: &[u8],
        room: &mut [u8],
    ) -> Result<(usize, usize), Malformed> {
        let (read, written) = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(bytes, room, FlushDecompress::None).map_err(|_| {
            Malformed::new(
                "the connection is no zlib stream; is the sink set to compression-type=deflate?",
                0,
            )
        })?;
        let moved = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(0);
        let (read, written) = (moved(self.0.total_in(), read), moved(self.0.total_out(), written));
        if status == Status::StreamEnd && read < bytes.len() {
            return Err(Malformed::new("bytes stand behind the end of the zlib stream", read));
        }
        Ok((read, written))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_one_by_one_whatever_the_room() {
        let (mut deflater, mut inflater) = (Deflater::new(), Inflater::new());
        for message in [&b"short"[..], &[7; 100_000], b""] {
            let (mut wire, mut back, mut room) = (Vec::new(), Vec::new(), [0; 333]);
            deflater.flush(message, &mut wire).unwrap();
            let mut at = 0;
            loop {
                let (read, written) = inflater.inflate(&wire[at..], &mut room).unwrap();
                at += read;
                back.extend_from_slice(&room[..written]);
                if written == 0 {
                    break;
                }
            }
            assert!(back == message && at == wire.len());
        }
    }

    #[test]
    fn what_is_not_compressed_is_told_from_what_is() {
        let error = Inflater::new().inflate(&[0, 0, 0, 1, 0, 0], &mut [0; 64]).unwrap_err().to_string();
        assert!(error.contains("compression-type=deflate"), "{error}");
    }
}
