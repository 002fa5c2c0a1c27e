//! The two directions of one connection, plain or encrypted.
//!
//! Answers for moving bytes so that reading never waits for writing nor writing for reading. Not for frames.
//! Holds: bytes are written in the order in which they were given; whoever reads never waits for a lock that is held
//! while something is written to the network.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::net::{SendFlags, send};
use rustls::Connection;

/// How many bytes are read or encrypted at a time.
const CHUNK: usize = 1 << 16;

/// An encrypted session, if there is one. Its lock is held to encrypt and decrypt, never to read or write the network.
type Session = Option<Arc<Mutex<Connection>>>;

/// Both directions, before and during the handshake.
pub struct Socket {
    stream: TcpStream,
    session: Session,
}

fn encrypted(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

impl Socket {
    /// A connection that is not encrypted.
    pub(crate) fn plain(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, session: None })
    }

    /// A connection within the machine, which has no segments that could wait.
    pub(crate) fn near(stream: TcpStream) -> Self {
        Self { stream, session: None }
    }

    /// A connection that is encrypted once the handshake of TLS, done here, has succeeded.
    pub(crate) fn encrypted(stream: TcpStream, mut session: Connection) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        while session.is_handshaking() {
            session.complete_io(&mut &stream)?;
        }
        Ok(Self { stream, session: Some(Arc::new(Mutex::new(session))) })
    }

    /// What only the two ends of this session of TLS know; zeros where there is none.
    pub(crate) fn session_secret(&self) -> io::Result<[u8; 32]> {
        let Some(session) = &self.session else { return Ok([0; 32]) };
        let session = session.lock().unwrap_or_else(PoisonError::into_inner);
        session.export_keying_material([0; 32], b"EXPORTER-millstream-introduction", None).map_err(encrypted)
    }

    /// The connection beneath, to set its times and to end it.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Both directions apart.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn split(self) -> io::Result<(Incoming, Outgoing)> {
        let stream = self.stream.try_clone()?;
        let raw = if self.session.is_some() { vec![0; CHUNK] } else { Vec::new() };
        let incoming = Incoming { stream, session: self.session.clone(), raw, fed: 0, came: 0 };
        Ok((incoming, Outgoing { stream: self.stream, session: self.session, waiting: Vec::new() }))
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(session) = &self.session else { return self.stream.read(into) };
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match session.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if session.complete_io(&mut self.stream)?.0 == 0 {
                return Ok(0);
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(session) = &self.session else { return self.stream.write(bytes) };
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        let written = session.writer().write(bytes)?;
        while session.wants_write() {
            session.write_tls(&mut self.stream)?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The receiving direction.
pub struct Incoming {
    stream: TcpStream,
    session: Session,
    /// What came from the network; of it, the session was fed the first `fed` of `came` bytes.
    raw: Vec<u8>,
    fed: usize,
    came: usize,
}

impl Read for Incoming {
    /// As a socket's: zero at the end, `WouldBlock` when the time set for reading is over.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(session) = &self.session else { return self.stream.read(into) };
        loop {
            if self.fed == self.came {
                let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
                match session.reader().read(into) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    read => return read,
                }
                drop(session);
                (self.fed, self.came) = (0, self.stream.read(&mut self.raw)?);
            }
            let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
            match session.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            // At the end of the stream this tells the session so: nothing is fed then.
            let mut rest = &self.raw[self.fed..self.came];
            let fed = session.read_tls(&mut rest)?;
            session.process_new_packets().map_err(encrypted)?;
            if fed == 0 && self.came > 0 {
                return Err(io::Error::new(ErrorKind::InvalidData, "the encrypted session takes no more"));
            }
            self.fed += fed;
            if self.came == 0 {
                return session.reader().read(into);
            }
        }
    }
}

/// The sending direction.
pub struct Outgoing {
    stream: TcpStream,
    session: Session,
    /// Bytes, encrypted where they have to be, that could not be sent without waiting.
    waiting: Vec<u8>,
}

impl Outgoing {
    fn encrypt(session: &Mutex<Connection>, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks(CHUNK / 4) {
            session.writer().write_all(chunk)?;
            while session.wants_write() {
                session.write_tls(out)?;
            }
        }
        Ok(())
    }

    /// Whether there are bytes that could not be sent without waiting.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends all of the bytes behind those that still wait.
    ///
    /// # Errors
    /// If the connection is gone, or takes none for longer than the time set for writing.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &self.session {
            Some(session) => Self::encrypt(session, bytes, &mut self.waiting)?,
            None if self.waiting.is_empty() => return self.stream.write_all(bytes),
            None => self.waiting.extend_from_slice(bytes),
        }
        self.stream.write_all(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }

    /// Sends what can be sent of the bytes, and of those that still wait, without waiting; the rest waits.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn send_now(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &self.session {
            Some(session) => Self::encrypt(session, bytes, &mut self.waiting)?,
            None => self.waiting.extend_from_slice(bytes),
        }
        let sent = match send(&self.stream, &self.waiting, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(sent) => sent,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        self.waiting.drain(..sent);
        Ok(())
    }
}

/// Ends both directions of a connection at once, whoever uses them.
pub fn end(stream: &TcpStream) {
    // It may have ended by itself.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Sets how long reading and writing may take.
///
/// # Errors
/// If the connection is gone.
pub fn set_times(stream: &TcpStream, read: Duration, write: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(read))?;
    stream.set_write_timeout(Some(write))
}
