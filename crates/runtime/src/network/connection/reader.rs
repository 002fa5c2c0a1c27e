//! The thread that reads a connection.
//!
//! Answers for cutting the stream into frames, for handing each to its channel, and for telling life from silence.
//! Holds: it waits for nothing but bytes from the other side, at most a heartbeat's interval at a time; its memory grows
//! with what has come, never with what was announced.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};
use millstream_network::socket::Incoming;

use super::super::credit::Passed;
use super::super::frame::{Frame, HEADER, Kind, Parsed, parse};
use super::super::remote::{Taken, number};
use super::{Shared, Why, whole};

/// What is read at a time.
const CHUNK: usize = 128 << 10;
/// Beyond this a buffer is given back once it is empty.
const KEPT: usize = 1 << 20;
/// The most channels that one connection may have.
const MAX_CHANNELS: usize = 1 << 20;

/// What an error of the network amounts to.
pub(super) fn broken(error: &io::Error, patience: Duration) -> Why {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Why::Silent(patience),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => Why::Closed,
        ErrorKind::InvalidData => Why::Garbled(error.to_string()),
        _ => Why::Broken(error.to_string()),
    }
}

/// Bytes that have come and are not read yet.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Room to read into, where a frame of `needed` bytes begins at the start. The rest of a long frame has room for itself
    /// alone, so that what comes behind it need not be moved to the front.
    fn room(&mut self, needed: usize) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > KEPT {
                self.bytes = Vec::new();
            }
        }
        let have = self.end - self.start;
        if self.start > 0 && self.start + needed.max(have + 1) > self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, have);
        }
        // Twice what has come, so that a length that lies costs no more than what was sent.
        let size = needed.max(have + 1).min((2 * have).max(CHUNK)).max(CHUNK);
        if self.bytes.len() < self.start + size {
            self.bytes.resize(self.start + size, 0);
        }
        let until = if needed > CHUNK / 2 { self.start + needed.max(have + 1) } else { self.bytes.len() };
        let until = until.min(self.bytes.len());
        &mut self.bytes[self.end..until]
    }
}

/// Reads until the connection is over.
pub(super) fn run(shared: &Arc<Shared>, mut incoming: Incoming) -> Why {
    let interval = shared.settings.heartbeat_interval;
    let (mut buffer, mut next, mut needed) = (Buffer::default(), 0, 0);
    let (mut heard, mut beat) = (Instant::now(), Instant::now());
    loop {
        match incoming.read(buffer.room(needed)) {
            Ok(0) => return Why::Closed,
            Ok(count) => {
                buffer.end += count;
                heard = Instant::now();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let silence = heard.elapsed();
                if silence >= shared.settings.heartbeat_timeout {
                    return Why::Silent(silence);
                }
            }
            Err(error) => return broken(&error, heard.elapsed()),
        }
        match frames(shared, &mut buffer, &mut next) {
            Ok(more) => needed = more,
            Err(why) => return why,
        }
        let sent = if beat.elapsed() >= interval {
            beat = Instant::now();
            shared.send_later(Kind::Alive, 0, &[])
        } else {
            shared.send_waiting()
        };
        if let Err(error) = sent {
            return broken(&error, heard.elapsed());
        }
    }
}

/// Handles the frames that have come in full; how many bytes the next one has, as far as is known.
fn frames(shared: &Arc<Shared>, buffer: &mut Buffer, next: &mut u32) -> Result<usize, Why> {
    loop {
        match parse(buffer.unread(), *next, shared.settings.max_frame) {
            Ok(Parsed::Needs(more)) => return Ok(more),
            Ok(Parsed::Frame(frame, length)) => {
                if frame.kind == Kind::Bye {
                    return Err(Why::Ended);
                }
                handle(shared, &frame, length - HEADER)
                    .map_err(|failure| Why::Garbled(failure.to_string()))?;
                buffer.start += length;
                *next = next.wrapping_add(1);
            }
            Err(error) => return Err(Why::Garbled(error.to_string())),
        }
    }
}

fn handle(shared: &Arc<Shared>, frame: &Frame<'_>, length: usize) -> Result<()> {
    let Frame { kind, channel, payload } = frame;
    match kind {
        Kind::Alive | Kind::Bye => Ok(()),
        Kind::Open | Kind::Credit | Kind::Gone => {
            if whole(&shared.windows).len() > MAX_CHANNELS {
                return Err(Failure::external("more channels than a connection may have"));
            }
            let window = shared.window(*channel);
            match kind {
                Kind::Open => window.open(number(payload, 0)?),
                Kind::Gone => window.gone(),
                _ => {
                    let taken = Passed { elements: number(payload, 0)?, records: number(payload, 8)? };
                    if !window.taken(taken) {
                        return Err(Failure::external("more was taken from a channel than was sent"));
                    }
                }
            }
            Ok(())
        }
        Kind::Batch | Kind::Watermark | Kind::Idle | Kind::Barrier | Kind::End | Kind::Want => {
            let receiver = shared.receiver(*channel).ok_or_else(|| {
                Failure::external(format!("a frame for channel {channel}, which was not opened"))
            })?;
            let answer = if *kind == Kind::Want {
                receiver.want().map(|credit| (Kind::Credit, credit.to_vec()))
            } else {
                match receiver.take(*kind, payload, length)? {
                    Taken::Gone(true) => Some((Kind::Gone, Vec::new())),
                    Taken::In | Taken::Gone(false) => None,
                }
            };
            if let Some((kind, payload)) = answer {
                shared
                    .send_later(kind, *channel, &payload)
                    .map_err(|error| Failure::external("the connection broke").because(error))?;
            }
            Ok(())
        }
    }
}
