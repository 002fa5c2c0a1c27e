//! A file for each version, where the store renames in one step but compares nothing.
//!
//! The file `leader` is a folder, `leader.versions`, with a file for each version, `0000000001` and so on; the highest
//! one counts. Only one process can make a name, and so the next version.
//!
//! Holds: the highest version is never removed, and no other before it is ten minutes older than the highest. So who
//! looks, finds no higher version, and makes the next one within five minutes, makes one that never was.

use std::time::{Duration, Instant, SystemTime};

use crate::error::StorageError;
use crate::storage::{Published, Storage};

/// How much older than the highest version one is that nobody can be about to read or to go on from.
const PAST: Duration = Duration::from_secs(600);
/// How long one may take from looking to having made a version.
const TURN: Duration = Duration::from_secs(300);

fn file(name: &str, number: u64) -> String {
    format!("{name}.versions/{number:010}")
}

/// All versions that are there, with their times by the store's clock.
fn versions(place: &Storage, name: &str) -> Result<Vec<(u64, SystemTime)>, StorageError> {
    let entries = place.list_folder(&format!("{name}.versions"))?;
    let number = |name: &str| name.rsplit_once('/')?.1.parse().ok();
    Ok(entries.iter().filter_map(|entry| Some((number(&entry.name)?, entry.modified))).collect())
}

pub(super) fn read(place: &Storage, name: &str) -> Result<Option<(Vec<u8>, u64)>, StorageError> {
    loop {
        let Some((highest, _)) = versions(place, name)?.into_iter().max() else { return Ok(None) };
        match place.get(&file(name, highest)) {
            // It is long past, and was removed.
            Err(StorageError::NotFound { .. }) => {}
            read => return read.map(|bytes| Some((bytes, highest))),
        }
    }
}

/// Makes the version behind `seen` (0 where there is none yet); `None` where another has made one.
pub(super) fn write(
    place: &Storage,
    name: &str,
    seen: u64,
    bytes: &[u8],
) -> Result<Option<u64>, StorageError> {
    let (number, looked) = (seen + 1, Instant::now());
    let there = versions(place, name)?;
    if there.iter().any(|(there, _)| *there > seen) {
        return Ok(None);
    }
    if place.put_if_absent(&file(name, number), bytes)? == Published::Lost {
        return Ok(None);
    }
    if looked.elapsed() > TURN && versions(place, name)?.into_iter().any(|(there, _)| there > number) {
        // We slept: others may have gone on, and removed a version of this number.
        place.delete(&file(name, number))?;
        return Ok(None);
    }
    let newest = there.iter().map(|(_, time)| *time).max();
    for (old, time) in there {
        let is_past = newest.is_some_and(|newest| newest.duration_since(time).is_ok_and(|age| age > PAST));
        if is_past && let Err(error) = place.delete(&file(name, old)) {
            tracing::debug!(%error, "an old version stays until the next one");
        }
    }
    Ok(Some(number))
}
