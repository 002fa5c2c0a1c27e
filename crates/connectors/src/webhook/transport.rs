//! Connections of the HTTP client: our own TCP and TLS, which end when the job is cancelled.
//!
//! Holds: no call blocks for longer than a look at whether the job is cancelled takes.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use millstream_dataflow::operator::Cancelled;
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use crate::tls::{ClientTls, Stream, is_waiting};

/// How long one call may block.
const LOOK: Duration = Duration::from_millis(50);
/// How long one address of a host may take to be connected to.
const CONNECT: Duration = Duration::from_millis(500);

/// Opens connections.
#[derive(Debug)]
pub(super) struct Dialer {
    pub(super) tls: ClientTls,
    pub(super) cancelled: Cancelled,
}

impl Connector for Dialer {
    type Out = Connection;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Connection>, Error> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in &details.addrs {
            looked(&self.cancelled)?;
            let socket = TcpStream::connect_timeout(address, CONNECT).and_then(|socket| {
                socket.set_nodelay(true)?;
                socket.set_read_timeout(Some(LOOK))?;
                socket.set_write_timeout(Some(LOOK))?;
                Ok(socket)
            });
            match socket {
                Ok(socket) => {
                    let mut connection = Connection {
                        stream: self.tls.over(socket)?,
                        cancelled: self.cancelled.clone(),
                        buffers: LazyBuffers::new(16 << 10, 64 << 10),
                    };
                    connection.until(details.timeout, |connection| connection.stream.shake())?;
                    return Ok(Some(connection));
                }
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }
}

/// A connection to a server.
pub(super) struct Connection {
    stream: Stream,
    cancelled: Cancelled,
    buffers: LazyBuffers,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is in its buffers may be secret.
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

fn looked(cancelled: &Cancelled) -> Result<(), Error> {
    cancelled.wait(Duration::ZERO).map_err(|failure| Error::Other(Box::new(failure)))
}

impl Connection {
    /// Does a step again and again until it is not only waiting.
    fn until<R>(
        &mut self,
        timeout: NextTimeout,
        mut step: impl FnMut(&mut Self) -> io::Result<R>,
    ) -> Result<R, Error> {
        let begun = Instant::now();
        loop {
            match step(self) {
                Ok(done) => return Ok(done),
                Err(error) if is_waiting(&error) => looked(&self.cancelled)?,
                Err(error) => return Err(self.stream.last_word().unwrap_or(error).into()),
            }
            if !timeout.after.is_not_happening() && begun.elapsed() >= *timeout.after {
                return Err(Error::Timeout(timeout.reason));
            }
        }
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let mut sent = 0;
        self.until(timeout.for_write(), |connection| {
            loop {
                let output = connection.buffers.output().get(sent..amount).unwrap_or_default();
                if output.is_empty() {
                    return connection.stream.flush();
                }
                match connection.stream.write(output)? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    count => sent += count,
                }
            }
        })
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let count = self.until(timeout.for_read(), |connection| {
            let Connection { stream, buffers, .. } = connection;
            stream.read(buffers.input_append_buf())
        })?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        let socket = self.stream.socket();
        let peeked = socket.set_nonblocking(true).and_then(|()| socket.peek(&mut [0]));
        let is_open = matches!(&peeked, Err(error) if is_waiting(error))
            || (self.is_tls() && peeked.is_ok_and(|count| count > 0));
        socket.set_nonblocking(false).is_ok() && is_open
    }

    fn is_tls(&self) -> bool {
        !matches!(self.stream, Stream::Plain(_))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // All that was asked was answered, or is of no interest any more: nobody needs to wait for the other side.
        let _ = self.stream.socket().shutdown(Shutdown::Both);
    }
}
