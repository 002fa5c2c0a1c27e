//! The bytes that come over a connection, inflated if they have to be.
//!
//! Holds: the buffer grows as bytes come, up to the largest request and within the intake's memory.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::flume::intake::Intake;
use crate::flume::wire::deflate::Inflater;

/// What every connection has, beside the intake's memory.
const BASE: usize = 64 << 10;
/// How long a connection waits for memory.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Incoming<'a> {
    stream: &'a TcpStream,
    intake: &'a Intake,
    inflater: Option<Compressed>,
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    max: usize,
}

struct Compressed {
    inflater: Inflater,
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
    /// Whether the inflater may have more to give without further bytes.
    holds: bool,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(stream: &'a TcpStream, intake: &'a Intake, deflate: bool, max: usize) -> Self {
        let inflater = deflate.then(|| Compressed {
            inflater: Inflater::new(),
            bytes: vec![0; BASE / 2],
            begin: 0,
            end: 0,
            holds: false,
        });
        Self { stream, intake, inflater, buffer: vec![0; BASE], begin: 0, end: 0, max: max.max(BASE) }
    }

    /// What has come and was not taken.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.begin..self.end]
    }

    /// Takes so many bytes from the front.
    pub(super) fn take(&mut self, count: usize) -> &mut [u8] {
        let begin = self.begin;
        self.begin = (begin + count).min(self.end);
        &mut self.buffer[begin..self.begin]
    }

    /// Reads more; how much it was, 0 at the end of the connection.
    ///
    /// # Errors
    /// Those of the connection: `WouldBlock` if nothing came for the time that is set on it.
    pub(super) fn fill(&mut self) -> io::Result<usize> {
        self.make_room()?;
        let room = &mut self.buffer[self.end..];
        let Some(compressed) = &mut self.inflater else {
            let read = (&mut &*self.stream).read(room)?;
            self.end += read;
            return Ok(read);
        };
        loop {
            if compressed.begin < compressed.end || compressed.holds {
                let bytes = &compressed.bytes[compressed.begin..compressed.end];
                let (read, written) = compressed.inflater.inflate(bytes, room)?;
                compressed.begin += read;
                compressed.holds = written == room.len();
                if written > 0 {
                    self.end += written;
                    return Ok(written);
                }
                if read == 0 && compressed.begin < compressed.end {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "bytes stand behind the end of the zlib stream",
                    ));
                }
            }
            compressed.begin = 0;
            compressed.end = (&mut &*self.stream).read(&mut compressed.bytes)?;
            if compressed.end == 0 {
                return Ok(0);
            }
        }
    }

    fn make_room(&mut self) -> io::Result<()> {
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
            if self.buffer.len() > BASE {
                self.intake.budget.free(self.buffer.len() - BASE);
                self.buffer = vec![0; BASE];
            }
        }
        if self.begin > 0 && self.buffer.len() - self.end < self.buffer.len() / 4 {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        if self.end < self.buffer.len() {
            return Ok(());
        }
        let more = self.buffer.len().min(self.max.saturating_sub(self.buffer.len()));
        if more == 0 {
            // What is larger was refused when it was announced.
            return Err(io::Error::other("a request is larger than the setting `frame-max`"));
        }
        let until = Instant::now() + PATIENCE;
        if !self.intake.budget.wait_for(more, until, &|| self.intake.is_stopped()) {
            return Err(io::Error::other(
                "there is no memory left for its request; see the setting `memory`",
            ));
        }
        self.buffer.resize(self.buffer.len() + more, 0);
        Ok(())
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        self.intake.budget.free(self.buffer.len() - BASE);
    }
}
