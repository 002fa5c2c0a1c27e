//! One agent's connection, from its first byte to its last.
//!
//! Holds: requests are answered in the order in which they came, each once its events are safe; a request that is not the
//! protocol's ends the connection, and no event of it is taken.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use millstream_model::settings::shown_duration;

use super::ListenLimits;
use super::dialogue::{Dialogue, Request, looks_like};
use super::incoming::Incoming;
use crate::flume::intake::{Intake, Taken};
use crate::flume::wire::cursor::Malformed;
use crate::flume::wire::deflate::Deflater;
use crate::flume::wire::packed::Packed;

/// How long a call may block before it is looked whether time is over.
const LOOK: Duration = Duration::from_millis(500);

pub(super) struct Connection<'a> {
    limits: &'a ListenLimits,
    intake: &'a Intake,
    stream: &'a TcpStream,
    served: &'a AtomicBool,
    incoming: Incoming<'a>,
    dialogue: Dialogue,
    deflater: Option<Deflater>,
    events: Packed,
    requests: Vec<Request>,
    begun: bool,
}

/// Why a connection was ended by this side.
#[derive(Debug)]
pub(super) enum Ended {
    Io(io::Error),
    Malformed(Malformed, &'static str),
    Slow(Duration),
    Half(usize),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Malformed(malformed, hint) => write!(f, "not Flume's protocol {malformed}{hint}"),
            Self::Slow(time) => {
                write!(f, "a request was not there after {}, see request-timeout", shown_duration(*time))
            }
            Self::Half(bytes) => write!(f, "it ended within a request, behind {bytes} bytes of it"),
        }
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        limits: &'a ListenLimits,
        intake: &'a Intake,
        stream: &'a TcpStream,
        served: &'a AtomicBool,
    ) -> Self {
        Self {
            limits,
            intake,
            stream,
            served,
            incoming: Incoming::new(stream, intake, limits.deflate, limits.frame_max),
            dialogue: Dialogue::new(limits.protocol),
            deflater: limits.deflate.then(Deflater::new),
            events: Packed::default(),
            requests: Vec::new(),
            begun: false,
        }
    }

    /// Serves until the agent closes the connection, or does what it must not.
    pub(super) fn serve(&mut self) -> Result<(), Ended> {
        self.stream.set_read_timeout(Some(LOOK))?;
        self.stream.set_write_timeout(Some(self.limits.request_timeout))?;
        loop {
            self.hear()?;
            if !self.requests.is_empty() && !self.answer()? {
                return Ok(());
            }
            if !self.read()? {
                return match self.incoming.bytes().len() {
                    0 => Ok(()),
                    bytes => Err(Ended::Half(bytes)),
                };
            }
        }
    }

    /// Reads the requests that are whole.
    fn hear(&mut self) -> Result<(), Ended> {
        loop {
            let whole = self.dialogue.whole(self.incoming.bytes(), self.limits.frame_max);
            let length = match whole {
                Ok(None) => return Ok(()),
                Ok(Some(length)) => length,
                Err(malformed) => return Err(self.malformed(malformed)),
            };
            let hint = self.hint();
            let request = self.incoming.take(length);
            let heard = self.dialogue.hear(request, &mut self.events);
            match heard {
                Ok(request) => {
                    if let Some(wrong) = request.wrong() {
                        self.intake.counts.reject();
                        tracing::warn!(peer = ?self.stream.peer_addr().ok(), wrong, "a Flume request was refused");
                    }
                    self.begun = true;
                    self.requests.push(request);
                }
                Err(malformed) => {
                    self.intake.counts.reject();
                    // The events of whole requests before it are not taken either: their agent sends them again.
                    return Err(Ended::Malformed(malformed, hint));
                }
            }
        }
    }

    fn hint(&self) -> &'static str {
        if self.begun {
            return "";
        }
        looks_like(self.incoming.bytes(), self.limits.protocol, self.limits.deflate)
    }

    fn malformed(&self, malformed: Malformed) -> Ended {
        Ended::Malformed(malformed, self.hint())
    }

    /// Answers the requests once their events are safe; `false` if nobody waits for it.
    fn answer(&mut self) -> Result<bool, Ended> {
        let stream = self.stream;
        let has_gone = || matches!(peek(stream), Ok(0));
        if self.events.count > 0 {
            self.served.store(true, Ordering::Relaxed);
        }
        let taken = match self.intake.take(&mut self.events, &has_gone) {
            Taken::Yes => true,
            Taken::No => {
                tracing::warn!(peer = ?self.stream.peer_addr().ok(), "a batch was not taken for want of room; its agent keeps it");
                false
            }
            Taken::Over => return Ok(false),
        };
        let mut out = Vec::with_capacity(32 * self.requests.len());
        for request in self.requests.drain(..) {
            request.answer(taken, &mut out);
        }
        if let Some(deflater) = &mut self.deflater {
            let mut smaller = Vec::new();
            deflater.flush(&out, &mut smaller).map_err(io::Error::from)?;
            out = smaller;
        }
        (&mut &*self.stream).write_all(&out)?;
        Ok(true)
    }

    /// Reads more bytes; `false` at the end of the connection.
    fn read(&mut self) -> Result<bool, Ended> {
        let begun = Instant::now();
        let is_within = !self.incoming.bytes().is_empty();
        // A request has its time from its first bytes on, however it trickles in.
        loop {
            let before = self.incoming.bytes().len();
            match self.incoming.fill() {
                Ok(0) => return Ok(false),
                Ok(_) => {
                    if !is_within && before == 0 {
                        return Ok(true);
                    }
                    let whole = self.dialogue.whole(self.incoming.bytes(), self.limits.frame_max);
                    match whole {
                        Err(malformed) => return Err(self.malformed(malformed)),
                        Ok(Some(_)) => return Ok(true),
                        Ok(None) => {}
                    }
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) =>
                {
                    if self.intake.is_stopped() {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error.into()),
            }
            let limit = if is_within { self.limits.request_timeout } else { self.limits.idle_timeout };
            if begun.elapsed() >= limit {
                if is_within {
                    return Err(Ended::Slow(limit));
                }
                tracing::debug!(peer = ?self.stream.peer_addr().ok(), "an idle Flume connection is closed");
                return Ok(false);
            }
        }
    }
}

/// Looks whether the other side has closed the connection, without waiting for it.
fn peek(stream: &TcpStream) -> io::Result<usize> {
    stream.set_nonblocking(true)?;
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    peeked
}
