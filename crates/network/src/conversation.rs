//! Messages both ways over one connection, in order, until one side is gone.
//!
//! Answers for control between processes: few messages, each of them whole. Not for records.
//! Holds: messages come in the order in which one speaker said them; a side that is stopped, cut off or dead is noticed
//! within the patience of the [`Pulse`], a side that has ended at once; what is said to a peer that is gone is an error.

use std::io::BufReader;
use std::marker::PhantomData;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::caller::{Called, try_call};
use crate::frame;
use crate::introduction::{Introduction, Purpose};
use crate::security::Security;
use crate::socket::{self, Incoming, Outgoing, Socket};

/// The longest message, in bytes.
const LIMIT: usize = 64 << 20;
/// A frame without a message: its sender is alive.
const HEARTBEAT: &[u8] = b"";

/// How often a side says that it is alive, and how long it waits for the other to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// From one heartbeat to the next.
    pub interval: Duration,
    /// Silence for so long means that the other side is gone; also how long a connection may take.
    pub patience: Duration,
}

impl Default for Pulse {
    /// A heartbeat each second, five seconds of silence.
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), patience: Duration::from_secs(5) }
    }
}

struct Line {
    out: Mutex<Outgoing>,
    /// The same connection, to end it.
    stream: TcpStream,
    who: String,
    closed: AtomicBool,
}

impl Line {
    fn send(&self, payload: &[u8]) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(self.gone());
        }
        let mut bytes = Vec::with_capacity(frame::HEAD + payload.len());
        let sent = frame::append(&mut bytes, |bytes| bytes.extend_from_slice(payload));
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        sent.and_then(|()| out.send(&bytes)).map_err(|error| {
            // Half a frame may be on its way: nothing can follow it.
            self.closed.store(true, Ordering::Release);
            socket::end(&self.stream);
            self.gone().because(error)
        })
    }

    fn gone(&self) -> Failure {
        Failure::external(format!("{} is gone", self.who))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

/// The side that says messages of type `Out`; may be cloned. When the last one is dropped the other side hears the end.
pub struct Speaker<Out> {
    line: Arc<Line>,
    message: PhantomData<fn(&Out)>,
}

impl<Out> Clone for Speaker<Out> {
    fn clone(&self) -> Self {
        Self { line: self.line.clone(), message: PhantomData }
    }
}

impl<Out> std::fmt::Debug for Speaker<Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Speaker").field(&self.line.who).finish()
    }
}

impl<Out: Serialize> Speaker<Out> {
    /// Says a message, behind all that were said before.
    ///
    /// # Errors
    /// If the other side is gone, or does not take it within the patience.
    pub fn say(&self, message: &Out) -> Result<()> {
        let text = serde_json::to_vec(message)
            .map_err(|error| Failure::internal("a message cannot be encoded").because(error))?;
        self.line.send(&text)
    }

    /// Ends the conversation for both sides.
    pub fn close(&self) {
        self.line.closed.store(true, Ordering::Release);
        socket::end(&self.line.stream);
    }
}

/// The side that hears messages of type `In`.
pub struct Hearer<In> {
    incoming: BufReader<Incoming>,
    /// The same connection, to end it.
    stream: TcpStream,
    who: String,
    patience: Duration,
    payload: Vec<u8>,
    message: PhantomData<fn() -> In>,
}

impl<In> std::fmt::Debug for Hearer<In> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hearer").field(&self.who).finish()
    }
}

impl<In: DeserializeOwned> Hearer<In> {
    /// Waits for the next message.
    ///
    /// # Errors
    /// If the other side has ended, is silent for too long, or says what is no message: nothing follows.
    pub fn hear(&mut self) -> Result<In> {
        loop {
            frame::read(&mut self.incoming, &mut self.payload, LIMIT).map_err(|error| self.end(&error))?;
            if self.payload == HEARTBEAT {
                continue;
            }
            return serde_json::from_slice(&self.payload).map_err(|error| {
                socket::end(&self.stream);
                Failure::external(format!("{} said what is no message", self.who)).because(error)
            });
        }
    }

    fn end(&self, error: &std::io::Error) -> Failure {
        socket::end(&self.stream);
        use std::io::ErrorKind::{ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
        let why = match error.kind() {
            UnexpectedEof | ConnectionReset => "it closed the connection".to_owned(),
            WouldBlock | TimedOut => format!("it said nothing for {:?}", self.patience),
            _ => error.to_string(),
        };
        Failure::external(format!("{} is gone: {why}", self.who))
    }
}

/// Calls `address` (host and port) and introduces itself.
///
/// # Errors
/// If nobody listens there, or the caller is refused.
pub fn connect<Out: Serialize, In: DeserializeOwned>(
    address: &str,
    own: &Introduction,
    security: &Security,
    pulse: Pulse,
) -> Result<(Speaker<Out>, Hearer<In>)> {
    converse(reach(address, own, security, pulse)?, address.to_owned(), pulse)
}

/// Calls `address` and introduces itself, for what is no conversation.
///
/// # Errors
/// If nobody listens there, or the caller is refused.
pub fn reach(address: &str, own: &Introduction, security: &Security, pulse: Pulse) -> Result<Socket> {
    let deadline = Instant::now() + pulse.patience;
    match try_call(address, &Purpose::Control(own.clone()), security, deadline) {
        Ok(Called { socket, .. }) => Ok(socket),
        Err((failure, _)) => Err(failure.within(format!("no conversation with {address}"))),
    }
}

/// Begins a conversation over a connection whose introduction is over.
pub(crate) fn converse<Out: Serialize, In: DeserializeOwned>(
    socket: Socket,
    who: String,
    pulse: Pulse,
) -> Result<(Speaker<Out>, Hearer<In>)> {
    let gone = |error| Failure::external("the connection is gone").because(error);
    socket::set_times(socket.stream(), pulse.patience, pulse.patience).map_err(gone)?;
    let (stream, own) =
        (socket.stream().try_clone().map_err(gone)?, socket.stream().try_clone().map_err(gone)?);
    let (incoming, out) = socket.split().map_err(gone)?;
    let line = Arc::new(Line {
        out: Mutex::new(out),
        stream: own,
        who: who.clone(),
        closed: AtomicBool::new(false),
    });
    let beating = Arc::downgrade(&line);
    let thread = std::thread::Builder::new().name("heartbeat".into()).stack_size(64 * 1024);
    thread.spawn(move || beat(&beating, pulse.interval)).map_err(gone)?;
    let (patience, incoming) = (pulse.patience, BufReader::new(incoming));
    let hearer = Hearer { incoming, stream, who, patience, payload: Vec::new(), message: PhantomData };
    Ok((Speaker { line, message: PhantomData }, hearer))
}

/// Says that this side is alive, until it has nothing more to say or nobody hears it.
fn beat(line: &Weak<Line>, interval: Duration) {
    loop {
        std::thread::sleep(interval);
        let Some(line) = line.upgrade() else { return };
        if line.send(HEARTBEAT).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
