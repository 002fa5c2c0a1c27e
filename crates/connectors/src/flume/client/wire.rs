//! Bytes to an agent and from it, deflated if they have to be.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::{CallError, Wait};
use crate::flume::wire::cursor;
use crate::flume::wire::deflate::{Deflater, Inflater};

/// How long one attempt to connect may take, so that a job can be cancelled within a second.
const CONNECT: Duration = Duration::from_millis(500);
/// How long a call may block.
const LOOK: Duration = Duration::from_millis(100);
const CHUNK: usize = 16 << 10;

/// Opens a connection.
pub(in crate::flume) fn dial(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(LOOK))?;
                stream.set_write_timeout(Some(LOOK))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

pub(super) struct Wire {
    stream: TcpStream,
    compressed: Option<(Deflater, Inflater)>,
    /// What has come and was not taken.
    bytes: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, deflate: bool) -> Self {
        let compressed = deflate.then(|| (Deflater::new(), Inflater::new()));
        Self { stream, compressed, bytes: Vec::new() }
    }

    pub(super) fn send(&mut self, message: &[u8], wait: Wait<'_>) -> Result<(), CallError> {
        let mut smaller = Vec::new();
        let mut bytes = match &mut self.compressed {
            None => message,
            Some((deflater, _)) => {
                deflater.flush(message, &mut smaller)?;
                &smaller
            }
        };
        let mut moved = Instant::now();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(count) => {
                    bytes = &bytes[count..];
                    moved = Instant::now();
                }
                Err(error) => look(error, moved, wait)?,
            }
        }
        Ok(())
    }

    /// The next frame, once `whole` tells its length.
    pub(super) fn receive(
        &mut self,
        mut whole: impl FnMut(&[u8]) -> cursor::Read<Option<usize>>,
        wait: Wait<'_>,
    ) -> Result<Vec<u8>, CallError> {
        let (begun, mut chunk) = (Instant::now(), [0; CHUNK]);
        loop {
            if let Some(length) = whole(&self.bytes)? {
                let rest = self.bytes.split_off(length);
                return Ok(std::mem::replace(&mut self.bytes, rest));
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(count) => self.came(&chunk[..count])?,
                Err(error) => look(error, begun, wait)?,
            }
        }
    }

    fn came(&mut self, mut bytes: &[u8]) -> Result<(), CallError> {
        let Some((_, inflater)) = &mut self.compressed else {
            self.bytes.extend_from_slice(bytes);
            return Ok(());
        };
        let mut room = [0; CHUNK];
        loop {
            let (read, written) = inflater.inflate(bytes, &mut room)?;
            self.bytes.extend_from_slice(&room[..written]);
            bytes = &bytes[read..];
            if written == 0 {
                return Ok(());
            }
        }
    }
}

/// Whether to go on waiting after a call that gave nothing.
fn look(error: io::Error, since: Instant, wait: Wait<'_>) -> Result<(), CallError> {
    if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) {
        return Err(error.into());
    }
    if (wait.is_over)() {
        return Err(CallError::Over);
    }
    if since.elapsed() >= wait.timeout {
        return Err(CallError::Silent(wait.timeout));
    }
    Ok(())
}
