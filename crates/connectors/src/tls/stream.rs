//! A connection that is plain or encrypted.
//!
//! Holds: one that is dropped in order says so to the other side, which can then tell an end from a cut.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, ServerConnection, StreamOwned};

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Client(Box<StreamOwned<ClientConnection, TcpStream>>),
    Server(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    /// The socket beneath.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Client(stream) => &stream.sock,
            Self::Server(stream) => &stream.sock,
        }
    }

    /// Whether it is still being agreed how to encrypt.
    pub(crate) fn is_handshaking(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Client(stream) => stream.conn.is_handshaking(),
            Self::Server(stream) => stream.conn.is_handshaking(),
        }
    }

    /// Goes on with the handshake, for as long as the socket lets it.
    ///
    /// # Errors
    /// Those of the socket, its timeouts among them; what the other side says that is no TLS.
    pub(crate) fn shake(&mut self) -> io::Result<()> {
        while self.is_handshaking() {
            match self {
                Self::Plain(_) => {}
                Self::Client(stream) => drop(stream.conn.complete_io(&mut stream.sock)?),
                Self::Server(stream) => drop(stream.conn.complete_io(&mut stream.sock)?),
            }
        }
        Ok(())
    }

    /// What the other side said over TLS before it closed the connection, if it said why.
    pub(crate) fn last_word(&mut self) -> Option<io::Error> {
        let Self::Client(stream) = self else { return None };
        while let Ok(1..) = stream.conn.read_tls(&mut stream.sock) {
            if let Err(error) = stream.conn.process_new_packets() {
                return Some(io::Error::new(ErrorKind::InvalidData, error));
            }
        }
        None
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            Self::Client(stream) => stream.read(bytes),
            Self::Server(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Client(stream) => stream.write(bytes),
            Self::Server(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Client(stream) => stream.flush(),
            Self::Server(stream) => stream.flush(),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // The other side may have gone, or take nothing: then it learns it from the socket's end.
        match self {
            Self::Plain(_) => {}
            Self::Client(stream) => {
                stream.conn.send_close_notify();
                let _ = stream.conn.write_tls(&mut stream.sock);
                drain(&mut stream.sock);
            }
            Self::Server(stream) => {
                stream.conn.send_close_notify();
                let _ = stream.conn.write_tls(&mut stream.sock);
            }
        }
    }
}

/// Reads what comes until the other side has ended too, for a little while. A socket that is closed with something unread in
/// it takes back what it has sent; and servers send to TLS clients that never ask.
fn drain(socket: &mut TcpStream) {
    const WHILE: Duration = Duration::from_millis(300);
    let begun = Instant::now();
    let is_set = socket.shutdown(Shutdown::Write).and_then(|()| socket.set_read_timeout(Some(WHILE)));
    if is_set.is_ok() {
        while let Ok(1..) = socket.read(&mut [0; 4096]) {
            if begun.elapsed() > WHILE {
                return;
            }
        }
    }
}

/// Whether an error only says that nothing could be done within the time that a call may take.
pub(crate) fn is_waiting(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
