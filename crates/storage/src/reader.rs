//! Reading a file from some byte on, a piece at a time.
//!
//! Answers for having the next pieces on their way while one is read, and for noticing that a file is no longer the one that
//! was begun. Not for local files, which the system reads ahead by itself.
//! Holds: the pieces are of one version of the file; memory is bounded by three pieces.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use bytes::Bytes;

use crate::calls::runtime;
use crate::error::StorageError;
use crate::storage::Storage;

/// What is asked for at once. The first piece is smaller, so that its reader need not wait for long.
const PIECE: u64 = 8 << 20;
const FIRST: u64 = 1 << 20;
/// The same behind the range that is wanted: only the rest of a line.
const BEHIND: u64 = 64 << 10;
/// How many pieces are on their way.
const COMING: usize = 2;

/// A piece, in the chunks in which it came.
type Piece = Result<Vec<Bytes>, StorageError>;

/// A file of a place without a file system, read from front to back.
pub struct Reader {
    place: Storage,
    name: String,
    tag: Option<String>,
    length: u64,
    /// The byte behind what was asked for.
    asked: u64,
    /// The byte behind the range that is wanted.
    end: u64,
    /// How much is asked for next.
    size: u64,
    /// What came and was not read.
    chunks: VecDeque<Bytes>,
    /// Pieces, each with how many bytes it must have.
    coming: VecDeque<(u64, Receiver<Piece>)>,
    /// The byte behind what came.
    came: u64,
}

impl Storage {
    /// Reads a file from byte `from` on; what stands behind `end` is asked for in small pieces, since little of it will be
    /// wanted.
    ///
    /// # Errors
    /// If the file is not there or cannot be read.
    pub fn reader(&self, name: &str, from: u64, end: Option<u64>) -> Result<Reader, StorageError> {
        let entry = self.head(name)?;
        let end = end.unwrap_or(entry.size).min(entry.size);
        let mut reader = Reader {
            place: self.clone(),
            name: name.to_owned(),
            tag: entry.tag,
            length: entry.size,
            asked: from,
            end,
            size: FIRST,
            chunks: VecDeque::new(),
            coming: VecDeque::new(),
            came: from,
        };
        reader.ask()?;
        Ok(reader)
    }
}

impl Reader {
    /// The file's length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Waits no longer than `patience`; whether the next read has something to give, or to say, at once.
    pub fn wait(&mut self, patience: Duration) -> bool {
        if !self.chunks.is_empty() {
            return true;
        }
        let Some((_, coming)) = self.coming.front_mut() else { return true };
        match coming.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
            Ok(piece) => {
                // Put back for the read that takes it.
                let (send, receive) = sync_channel(1);
                let _ = send.send(piece);
                *coming = receive;
                true
            }
        }
    }

    /// Lets the next pieces come; behind the range, one at a time.
    fn ask(&mut self) -> Result<(), StorageError> {
        while self.coming.len() < COMING && (self.asked < self.end || self.coming.is_empty()) {
            let size = if self.asked < self.end { self.size.min(self.end - self.asked) } else { BEHIND };
            self.size = (self.size * 2).min(PIECE);
            let range = self.asked..self.length.min(self.asked + size);
            if range.is_empty() {
                return Ok(());
            }
            self.asked = range.end;
            let bytes = range.end - range.start;
            let (send, receive) = sync_channel(1);
            let (place, name, tag) = (self.place.clone(), self.name.clone(), self.tag.clone());
            let read = move || {
                // Nobody waits any more where the reader was dropped.
                let _ = send.send(place.get_chunks(&name, range, tag.as_deref()));
            };
            match &self.place.needs_network() {
                true => drop(runtime()?.spawn_blocking(read)),
                false => read(),
            }
            self.coming.push_back((bytes, receive));
        }
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.chunks.is_empty() {
            let Some((wanted, coming)) = self.coming.pop_front() else { return Ok(0) };
            let piece = coming.recv().map_err(|_| io::Error::other("the read was given up"))?;
            self.chunks
                .extend(piece.map_err(io::Error::other)?.into_iter().filter(|chunk| !chunk.is_empty()));
            self.ask().map_err(io::Error::other)?;
            let came: u64 = self.chunks.iter().map(|chunk| chunk.len() as u64).sum();
            if came < wanted {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!(
                        "it ends at byte {}, and had {} bytes when it was opened",
                        self.came + came,
                        self.length
                    ),
                ));
            }
        }
        let mut count = 0;
        while let Some(chunk) = self.chunks.front_mut() {
            let some = chunk.len().min(into.len() - count);
            into[count..count + some].copy_from_slice(&chunk.split_to(some));
            count += some;
            if !chunk.is_empty() {
                break;
            }
            self.chunks.pop_front();
        }
        self.came += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(place: &Storage, from: u64, end: Option<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        place.reader("file", from, end).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn all_bytes_from_a_place_on_are_read_however_the_pieces_fall() {
        let place = Storage::open("memory:reader").unwrap();
        let bytes: Vec<u8> = (0..3 * PIECE + 7).map(|byte| (byte % 251) as u8).collect();
        place.put("file", &bytes).unwrap();
        for (from, end) in [
            (0, None),
            (5, Some(PIECE)),
            (5, Some(6)),
            (FIRST, Some(4 * FIRST)),
            (PIECE, Some(PIECE + 1)),
            (3 * PIECE, None),
        ] {
            assert!(read(&place, from, end) == bytes[from as usize..], "from {from} to {end:?}");
        }
        assert_eq!(read(&place, bytes.len() as u64, None), b"");
    }

    #[test]
    fn a_file_that_is_replaced_while_it_is_read_is_noticed() {
        let place = Storage::open("memory:reader-changed").unwrap();
        place.put("file", &vec![1; 3 * PIECE as usize]).unwrap();
        let mut reader = place.reader("file", 0, None).unwrap();
        let mut some = vec![0; 1000];
        reader.read_exact(&mut some).unwrap();
        place.put("file", &vec![2; 3 * PIECE as usize]).unwrap();
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err().to_string();
        assert!(error.starts_with("memory:reader-changed/file has changed while it was read"), "{error}");
    }
}
