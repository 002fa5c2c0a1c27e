//! A file behind its compression, inflated ahead of its reader by a thread of its own.
//!
//! Answers for the reader having something to do while the next bytes are inflated. Not for the compression.
//! Holds: memory is bounded by a few chunks; the thread ends when its reader is gone.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use millstream_formats::file::Stream;

/// How much is handed over at once, and how many of these may wait.
const CHUNK: usize = 256 << 10;
const WAITING: usize = 2;

pub(super) struct Ahead {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// What came, and how much of it was read.
    chunk: Vec<u8>,
    read: usize,
    /// What comes next, where it was waited for already.
    next: Option<io::Result<Vec<u8>>>,
}

impl Ahead {
    /// Begins to read.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(super) fn of(mut input: Box<dyn Read + Send>) -> io::Result<Self> {
        let (send, chunks) = sync_channel(WAITING);
        let inflate = move || {
            loop {
                let mut chunk = Vec::with_capacity(CHUNK);
                let read = input.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
                // What came before an error is read before it is told.
                let is_end = read.as_ref().map_or(true, |read| *read == 0);
                if !chunk.is_empty() && send.send(Ok(chunk)).is_err() {
                    return;
                }
                match read {
                    // That nobody hears it any more is an end as well.
                    Err(error) => return drop(send.send(Err(error))),
                    Ok(_) if is_end => return,
                    Ok(_) => {}
                }
            }
        };
        std::thread::Builder::new().name("inflate".into()).spawn(inflate)?;
        Ok(Self { chunks, chunk: Vec::new(), read: 0, next: None })
    }
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.chunk.len() {
            let next = self.next.take().or_else(|| self.chunks.recv().ok());
            let Some(next) = next else { return Ok(0) };
            (self.chunk, self.read) = (next?, 0);
        }
        let count = into.len().min(self.chunk.len() - self.read);
        into[..count].copy_from_slice(&self.chunk[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}

impl Stream for Ahead {
    fn wait(&mut self, patience: Duration) -> bool {
        if self.read < self.chunk.len() || self.next.is_some() {
            return true;
        }
        match self.chunks.recv_timeout(patience) {
            Ok(next) => {
                self.next = Some(next);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes, then an error.
    struct Broken(usize);

    impl Read for Broken {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "cut off"));
            }
            let count = into.len().min(self.0).min(1000);
            into[..count].fill(7);
            self.0 -= count;
            Ok(count)
        }
    }

    #[test]
    fn all_bytes_come_in_order_and_an_error_behind_what_came_before_it() {
        let bytes: Vec<u8> = (0..3 * CHUNK + 7).map(|byte| (byte % 251) as u8).collect();
        let mut found = Vec::new();
        Ahead::of(Box::new(io::Cursor::new(bytes.clone()))).unwrap().read_to_end(&mut found).unwrap();
        assert!(found == bytes);
        let mut ahead = Ahead::of(Box::new(Broken(CHUNK + 1))).unwrap();
        while !ahead.wait(Duration::from_millis(1)) {}
        let mut found = Vec::new();
        assert_eq!(ahead.read_to_end(&mut found).unwrap_err().to_string(), "cut off");
        assert_eq!(found.len(), CHUNK + 1);
    }

    #[test]
    fn the_thread_ends_with_its_reader() {
        struct Told(std::sync::mpsc::Sender<()>);
        impl Read for Told {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                Ok(into.len())
            }
        }
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.send(()).unwrap();
            }
        }
        let (send, ended) = std::sync::mpsc::channel();
        drop(Ahead::of(Box::new(Told(send))).unwrap());
        ended.recv().unwrap();
    }
}
