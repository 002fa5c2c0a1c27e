//! Reading a file from some byte on, a piece at a time.
//!
//! Answers for having the next piece on its way while one is read, and for noticing that a file is no longer the one that
//! was begun. Not for local files, which the system reads ahead by itself.
//! Holds: the pieces are of one version of the file; memory is bounded by two pieces.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::calls::runtime;
use crate::error::StorageError;
use crate::storage::Storage;

/// What is asked for at once.
const PIECE: u64 = 8 << 20;
/// The same behind the range that is wanted: only the rest of a line.
const BEHIND: u64 = 64 << 10;

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
    piece: Vec<u8>,
    read: usize,
    coming: Option<Receiver<Result<Vec<u8>, StorageError>>>,
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
        let (place, name) = (self.clone(), name.to_owned());
        let (length, tag) = (entry.size, entry.tag);
        let mut reader =
            Reader { place, name, tag, length, asked: from, end, piece: Vec::new(), read: 0, coming: None };
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
        if self.read < self.piece.len() {
            return true;
        }
        let Some(coming) = &self.coming else { return true };
        match coming.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
            Ok(piece) => {
                // Put back for the read that takes it.
                let (send, receive) = sync_channel(1);
                let _ = send.send(piece);
                self.coming = Some(receive);
                true
            }
        }
    }

    /// Lets the next piece come.
    fn ask(&mut self) -> Result<(), StorageError> {
        let size = if self.asked < self.end { PIECE.min(self.end - self.asked) } else { BEHIND };
        let range = self.asked..self.length.min(self.asked + size);
        if range.is_empty() {
            return Ok(());
        }
        self.asked = range.end;
        let (send, receive) = sync_channel(1);
        let (place, name, tag) = (self.place.clone(), self.name.clone(), self.tag.clone());
        let read = move || {
            // Nobody waits any more where the reader was dropped.
            let _ = send.send(place.get_range_tagged(&name, range, tag.as_deref()));
        };
        match &self.place.needs_network() {
            true => drop(runtime()?.spawn_blocking(read)),
            false => read(),
        }
        self.coming = Some(receive);
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.piece.len() {
            let Some(coming) = self.coming.take() else { return Ok(0) };
            let wanted = self.asked;
            let piece = coming.recv().map_err(|_| io::Error::other("the read was given up"))?;
            let piece = piece.map_err(io::Error::other)?;
            self.ask().map_err(io::Error::other)?;
            if piece.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("it ends before byte {wanted}, and had {} bytes when it was opened", self.length),
                ));
            }
            (self.piece, self.read) = (piece, 0);
        }
        let count = into.len().min(self.piece.len() - self.read);
        into[..count].copy_from_slice(&self.piece[self.read..self.read + count]);
        self.read += count;
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
        for (from, end) in [(0, None), (5, Some(PIECE)), (PIECE, Some(PIECE + 1)), (3 * PIECE, None)] {
            assert!(read(&place, from, end) == bytes[from as usize..], "from {from} to {end:?}");
        }
        assert_eq!(read(&place, bytes.len() as u64, None), b"");
    }

    #[test]
    fn a_file_that_is_replaced_while_it_is_read_is_noticed() {
        let place = Storage::open("memory:reader-changed").unwrap();
        place.put("file", &vec![1; 3 * PIECE as usize]).unwrap();
        let mut reader = place.reader("file", 0, None).unwrap();
        let mut some = vec![0; PIECE as usize];
        reader.read_exact(&mut some).unwrap();
        place.put("file", &vec![2; 3 * PIECE as usize]).unwrap();
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err().to_string();
        assert!(error.starts_with("memory:reader-changed/file has changed while it was read"), "{error}");
    }
}
