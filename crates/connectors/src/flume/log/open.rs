//! Opening a log, after whatever end its last owner had.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use millstream_model::error::{Failure, Result};

use super::entry::{self, Found};
use super::{Log, LogLimits, LogPlace, State, create, segment};
use crate::flume::intake::Bell;
use crate::flume::settings::LogLost;
use crate::flume::wire::packed::Packed;

const LOCK: &str = "lock";
const TAKEN: &str = "taken";

impl Log {
    /// Opens the log in a folder, which is made where there is none; `None` if another process has it. `from` is the place
    /// at which reading will begin.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or does not have that place.
    pub(in crate::flume) fn open(
        folder: &Path,
        limits: LogLimits,
        from: Option<LogPlace>,
        on_lost: LogLost,
        bell: &Arc<Bell>,
    ) -> Result<Option<(Self, LogPlace)>> {
        let failed = |error: io::Error| {
            Failure::external(format!("the log in {} cannot be opened", folder.display()))
                .because(error)
                .advice("see the setting `log`: a folder of this machine that this user can write to")
        };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::create(folder.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut segments = list(folder).map_err(failed)?;
        let taken = read_taken(folder).map_err(failed)?;
        let mut end = check(folder, &segments)?;
        let begin = segments.first().copied().unwrap_or(0);
        let mut place = from.or(taken).unwrap_or(LogPlace { offset: begin, events: 0 });
        if place.offset < begin || place.offset > end {
            lost(folder, place, begin, end, from.is_some(), on_lost)?;
            // A log that begins anew does so where the lost one ended, so that no place means two things.
            place = LogPlace { offset: if segments.is_empty() { place.offset } else { begin }, events: 0 };
        }
        if segments.is_empty() {
            end = place.offset;
            create(folder, end).map_err(failed)?;
            segments.push(end);
        }
        let last = segments.last().copied().unwrap_or(end);
        let file = File::options().append(true).open(segment(folder, last)).map_err(failed)?;
        let state = State {
            segments: segments.into(),
            file: Some(file),
            end,
            waiting: Packed::default(),
            number: 1,
            written: 0,
            failed: None,
            taken: taken.unwrap_or_default(),
        };
        let own = Self {
            folder: folder.to_owned(),
            limits,
            state: Mutex::new(state),
            changed: Condvar::new(),
            bell: bell.clone(),
            _lock: lock,
        };
        Ok(Some((own, place)))
    }
}

/// The files, by where they begin.
fn list(folder: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder)? {
        let name = file?.file_name();
        let begin: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|begin| begin.parse().ok());
        found.extend(begin);
    }
    found.sort_unstable();
    Ok(found)
}

/// Checks that each file is whole, the last one by reading it, and cuts off what a kill has left of the last entry. Gives
/// where the log ends.
fn check(folder: &Path, segments: &[u64]) -> Result<u64> {
    let failed = |path: &Path, error: io::Error| {
        Failure::external(format!("the log's file {} cannot be read", path.display())).because(error)
    };
    for pair in segments.windows(2) {
        let path = segment(folder, pair[0]);
        let length = fs::metadata(&path).map_err(|error| failed(&path, error))?.len();
        if length != pair[1] - pair[0] {
            let missing =
                format!("it has {length} bytes, and the next file begins behind {}", pair[1] - pair[0]);
            return Err(damaged(&path, &missing));
        }
    }
    let Some(last) = segments.last() else { return Ok(0) };
    let path = segment(folder, *last);
    let file = File::options().read(true).write(true).open(&path).map_err(|error| failed(&path, error))?;
    let length = file.metadata().map_err(|error| failed(&path, error))?.len();
    let (mut at, mut events) = (0, Vec::new());
    loop {
        match entry::read(&file, at, length, &mut events).map_err(|error| failed(&path, error))? {
            Found::End => return Ok(last + at),
            Found::Entry(head) => at += entry::HEAD as u64 + u64::from(head.length),
            // Another entry is written only when the one before it is on the disk.
            Found::Torn { has_rest } => {
                let followed = has_rest
                    && entry::is_followed(&file, at, length).map_err(|error| failed(&path, error))?;
                if followed {
                    return Err(damaged(&path, &format!("the entry at byte {at} is not what was written")));
                }
                tracing::warn!(
                    file = %path.display(), at, bytes = length - at,
                    "the last entry of the log was not written to its end; no agent was told that it was taken"
                );
                let cut = file.set_len(at).and_then(|()| file.sync_all());
                cut.map_err(|error| failed(&path, error))?;
                return Ok(last + at);
            }
        }
    }
}

fn damaged(path: &Path, what: &str) -> Failure {
    Failure::user(format!("the log's file {} is damaged", path.display()))
        .because(what.to_owned())
        .advice("agents were told that its events are taken, and they are nowhere else: bring the file back, or")
        .advice("move it and those after it away, and start with the setting log-lost=go-on, which goes on without them")
}

fn lost(
    folder: &Path,
    place: LogPlace,
    begin: u64,
    end: u64,
    by_checkpoint: bool,
    on_lost: LogLost,
) -> Result<()> {
    let by = if by_checkpoint { "the checkpoint" } else { "what checkpoints have had" };
    let what = format!(
        "the log in {} is from {begin} to {end}, and {by} ends at {}",
        folder.display(),
        place.offset
    );
    if on_lost == LogLost::GoOn {
        tracing::warn!("{what}; going on with what there is, as log-lost says");
        return Ok(());
    }
    Err(Failure::user(what)
        .advice(
            "start from a later checkpoint, or bring back the folder that the setting `log` named before;",
        )
        .advice("to go on without the events between: set log-lost to go-on"))
}

/// Writes down up to where checkpoints have the log. That it was not written down costs doubled events, and no more.
pub(super) fn note_taken(folder: &Path, taken: LogPlace) -> io::Result<()> {
    let staged = folder.join("taken.new");
    fs::write(&staged, format!("{} {}\n", taken.offset, taken.events))?;
    fs::rename(staged, folder.join(TAKEN))
}

fn read_taken(folder: &Path) -> io::Result<Option<LogPlace>> {
    let text = match fs::read_to_string(folder.join(TAKEN)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let parsed =
        text.strip_suffix('\n').and_then(|line| line.split_once(' ')).and_then(|(offset, events)| {
            Some(LogPlace { offset: offset.parse().ok()?, events: events.parse().ok()? })
        });
    if parsed.is_none() {
        tracing::warn!(folder = %folder.display(), "the file `taken` is none; reading begins at the log's begin");
    }
    Ok(parsed)
}
