//! lz4 frames, one behind the other.
//!
//! Holds: a file that is cut off within a frame is an error, which the library takes for the frame's end.

use std::io::{self, BufRead, Read};

use lz4_flex::frame::FrameDecoder;

/// Reads frame after frame.
pub(super) struct Frames<R: BufRead> {
    decoder: FrameDecoder<Noted<R>>,
    /// Whether the last frame had its end.
    is_between: bool,
}

/// Notes that there was nothing more to read.
struct Noted<R> {
    file: R,
    is_at_end: bool,
}

impl<R: Read> Read for Noted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.is_at_end = count == 0 && !into.is_empty();
        Ok(count)
    }
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(file: R) -> Self {
        Self { decoder: FrameDecoder::new(Noted { file, is_at_end: false }), is_between: true }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if into.is_empty() || (self.is_between && self.decoder.get_mut().file.fill_buf()?.is_empty()) {
                return Ok(0);
            }
            self.is_between = false;
            let count = self.decoder.read(into)?;
            if count > 0 {
                return Ok(count);
            }
            if self.decoder.get_mut().is_at_end {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the file ends within an lz4 frame",
                ));
            }
            self.is_between = true;
        }
    }
}
