//! The write-ahead log: what agents were told is taken stands here, on the disk, until checkpoints have it.
//!
//! Answers for appending with one sync for all that wait for it, for opening after a kill, and for letting go of what
//! checkpoints have. Not for who is told.
//! Holds: what `append` has returned `Appended::Yes` for is read again after any kill; at most the last entry of the last
//! file is torn, and nobody was told that it is taken. One process at a time has a log.

mod entry;
mod open;
mod place;
mod read;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millstream_model::error::{Failure, Result};

pub use self::place::LogPlace;
pub(super) use self::read::LogReader;
use super::intake::Bell;
use super::wire::packed::Packed;

/// How large a log and its files become.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogLimits {
    pub(super) segment: u64,
    pub(super) limit: u64,
}

/// See the module.
pub(super) struct Log {
    folder: PathBuf,
    limits: LogLimits,
    state: Mutex<State>,
    /// An entry was written, room was made, or the log has failed.
    changed: Condvar,
    bell: Arc<Bell>,
    /// Locked as long as the log lives.
    _lock: File,
}

struct State {
    /// Where each file begins, the last being written.
    segments: VecDeque<u64>,
    /// `None` while somebody writes to it.
    file: Option<File>,
    /// Behind the last entry that is on the disk.
    end: u64,
    /// What waits to be written, as the entry of this number.
    waiting: Packed,
    number: u64,
    /// The last number that is on the disk.
    written: u64,
    failed: Option<String>,
    /// Up to where checkpoints have it.
    taken: LogPlace,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// It is on the disk.
    Yes,
    /// There was no room for it in time.
    NoRoom,
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends some events and waits until they are on the disk; for room it waits until `until`, or `is_over`.
    pub(super) fn append(
        &self,
        events: &Packed,
        until: Instant,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Appended> {
        let mut state = self.state();
        while state.size() + events.bytes.len() as u64 > self.limits.limit {
            if Instant::now() >= until || is_over() {
                return Ok(Appended::NoRoom);
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(50));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting.bytes.extend_from_slice(&events.bytes);
        state.waiting.count += events.count;
        let own = state.number;
        loop {
            if let Some(failed) = &state.failed {
                return Err(self.failure(failed));
            }
            if state.written >= own {
                return Ok(Appended::Yes);
            }
            state = match state.file.take() {
                // Somebody writes; then comes the turn of what waits.
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(file) => self.write_waiting(state, file),
            };
        }
    }

    /// Writes what waits, with the state free meanwhile.
    fn write_waiting<'a>(&'a self, mut state: MutexGuard<'a, State>, file: File) -> MutexGuard<'a, State> {
        let (waiting, number) = (std::mem::take(&mut state.waiting), state.number);
        state.number += 1;
        let (begin, end) = (state.segments.back().copied().unwrap_or(0), state.end);
        drop(state);
        let written = self.write(file, begin, end, &waiting);
        let mut state = self.state();
        match written {
            Ok((file, begin, end)) => {
                if state.segments.back() != Some(&begin) {
                    state.segments.push_back(begin);
                }
                (state.file, state.end, state.written) = (Some(file), end, number);
                if state.waiting.bytes.is_empty() {
                    // Its memory is used again, unless it is much.
                    state.waiting = waiting;
                    state.waiting.clear();
                    state.waiting.bytes.shrink_to(1 << 20);
                }
            }
            Err(error) => state.failed = Some(error.to_string()),
        }
        self.changed.notify_all();
        self.bell.ring();
        state
    }

    fn write(&self, file: File, begin: u64, end: u64, events: &Packed) -> io::Result<(File, u64, u64)> {
        let (mut file, begin) = if end - begin >= self.limits.segment {
            (create(&self.folder, end)?, end)
        } else {
            (file, begin)
        };
        file.write_all(&entry::head_of(&events.bytes, events.count)?)?;
        file.write_all(&events.bytes)?;
        file.sync_data()?;
        Ok((file, begin, end + (entry::HEAD + events.bytes.len()) as u64))
    }

    fn failure(&self, failed: &str) -> Failure {
        Failure::external(format!("the log in {} cannot be written", self.folder.display()))
            .because(failed)
            .advice("see that its disk has room and is sound; agents keep what was not written")
    }

    /// Behind the last entry that is on the disk.
    ///
    /// # Errors
    /// If the log cannot be written any more.
    pub(super) fn end(&self) -> Result<u64> {
        let state = self.state();
        match &state.failed {
            Some(failed) => Err(self.failure(failed)),
            None => Ok(state.end),
        }
    }

    /// Where the file with this offset begins.
    fn segment_of(&self, offset: u64) -> Option<u64> {
        let state = self.state();
        let behind = state.segments.partition_point(|begin| *begin <= offset);
        behind.checked_sub(1).and_then(|index| state.segments.get(index).copied())
    }

    /// Notes that checkpoints have what stands before `taken`, and lets go of whole files before `kept`.
    ///
    /// # Errors
    /// If that cannot be written down.
    pub(super) fn trim(&self, taken: LogPlace, kept: LogPlace) -> Result<()> {
        let mut state = self.state();
        let mut gone = Vec::new();
        while state.segments.get(1).is_some_and(|next| *next <= kept.offset) {
            gone.extend(state.segments.pop_front());
        }
        let is_new = state.taken != taken;
        state.taken = taken;
        drop(state);
        let failed = |error: io::Error| {
            Failure::external(format!("the log in {} cannot be trimmed", self.folder.display()))
                .because(error)
        };
        if is_new {
            open::note_taken(&self.folder, taken).map_err(failed)?;
        }
        for begin in gone {
            fs::remove_file(segment(&self.folder, begin)).map_err(failed)?;
        }
        self.changed.notify_all();
        Ok(())
    }
}

impl State {
    fn size(&self) -> u64 {
        let begin = self.segments.front().copied().unwrap_or(0);
        self.end - begin + self.waiting.bytes.len() as u64
    }
}

fn segment(folder: &Path, begin: u64) -> PathBuf {
    folder.join(format!("{begin:020}.log"))
}

/// A new file, its name on the disk.
fn create(folder: &Path, begin: u64) -> io::Result<File> {
    let file = File::options().append(true).create_new(true).open(segment(folder, begin))?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}
