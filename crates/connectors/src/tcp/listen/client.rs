//! One client's connection, from its first byte to its last.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use millstream_model::error::Failure;
use millstream_model::settings::shown_duration;

use super::intake::{Intake, Run};
use crate::tcp::framing::Cut;
use crate::tls::{Stream, is_waiting};

/// How long a call may block before it is looked whether time is over.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// Why a connection was closed by this side.
#[derive(Debug)]
pub(super) enum Ended {
    Io(io::Error),
    Malformed(Failure),
    Slow(Duration),
    Idle(Duration),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Malformed(failure) => write!(f, "{failure}"),
            Self::Slow(time) => {
                let time = shown_duration(*time);
                write!(f, "a record, or the handshake of TLS, was not over after {time}, see frame-timeout")
            }
            Self::Idle(time) => write!(f, "nothing came for {}, see idle-timeout", shown_duration(*time)),
        }
    }
}

pub(super) struct Client<'a, T> {
    pub(super) intake: &'a Intake<T>,
    pub(super) stream: Stream,
    pub(super) cutter: Box<dyn Cut<T>>,
    pub(super) peer: Arc<str>,
    pub(super) frame_timeout: Duration,
    pub(super) idle_timeout: Duration,
    /// Whether records have come.
    pub(super) served: &'a AtomicBool,
}

impl<T> Client<'_, T> {
    /// Takes in records until the client has ended or does what it must not.
    pub(super) fn serve(&mut self) -> Result<(), Ended> {
        let begun = Instant::now();
        while let Err(error) = self.stream.shake() {
            if !is_waiting(&error) {
                return Err(Ended::Io(error));
            }
            if self.intake.is_stopped() {
                return Ok(());
            }
            if begun.elapsed() >= self.frame_timeout {
                return Err(Ended::Slow(self.frame_timeout));
            }
        }
        // Since when nothing came, and since when the record that is coming has been.
        let (mut silent, mut within) = (Instant::now(), None);
        loop {
            let before = self.cutter.records();
            let read = match self.cutter.read(&mut self.stream) {
                Ok(count) => count,
                Err(error) if is_waiting(&error) => {
                    if self.intake.is_stopped() {
                        return Ok(());
                    }
                    if let Some(since) = within {
                        let since: Instant = since;
                        if since.elapsed() >= self.frame_timeout {
                            return Err(Ended::Slow(self.frame_timeout));
                        }
                    } else if silent.elapsed() >= self.idle_timeout {
                        return Err(Ended::Idle(self.idle_timeout));
                    }
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    tracing::debug!(peer = %self.peer, "a client has cut its connection");
                    return Ok(());
                }
                Err(error) => return Err(Ended::Io(error)),
            };
            silent = Instant::now();
            let pending = self.cutter.pending();
            let (mut records, mut first) = (Vec::new(), 0);
            let cut = self.cutter.cut(read == 0, &mut |batch| {
                if records.is_empty() {
                    first = batch.position(0).map_or(0, |position| position.first);
                }
                records.extend(batch.drain());
                batch.clear();
                Ok(())
            });
            if !records.is_empty() {
                self.served.store(true, Ordering::Relaxed);
                let bytes = pending + records.len() * size_of::<T>();
                if !self.intake.put(Run { records, peer: self.peer.clone(), first, bytes }) {
                    return Ok(());
                }
            }
            cut.map_err(Ended::Malformed)?;
            if read == 0 {
                return Ok(());
            }
            // However it trickles in, a record has its time from its first bytes on.
            within = match (self.cutter.pending(), self.cutter.records() == before) {
                (0, _) => None,
                (_, true) => within.or(Some(silent)),
                (_, false) => Some(silent),
            };
            if within.is_some_and(|since| since.elapsed() >= self.frame_timeout) {
                return Err(Ended::Slow(self.frame_timeout));
            }
        }
    }
}
