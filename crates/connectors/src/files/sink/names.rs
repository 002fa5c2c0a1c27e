//! The names of files in their three phases.

use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use millstream_storage::{Storage, StorageError};

/// What says that a folder is complete.
pub(super) const SUCCESS: &str = "_SUCCESS";

/// The final name; `ending` has its dot.
pub(super) fn finished(subtask: u32, counter: u64, ending: &str) -> String {
    format!("part-{subtask}-{counter}{ending}")
}

/// What a file is called while it is written, and until it is committed; endings are the storage's.
pub(super) fn hidden(finished: &str) -> String {
    format!(".{finished}")
}

/// What a file is called while it is put together out of others, the first of which had that final name.
pub(super) fn hidden_while_joined(finished: &str) -> String {
    format!(".{finished}{JOINING}")
}

const JOINING: &str = ".joining";

/// A path from the place on, as folder and file.
pub(super) fn folder_and_file(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// A file in a folder, from the place on.
pub(super) fn within(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}

/// Removes what dead attempts of the subtask have left in a place, and finds the first free counter.
///
/// Safe because what a checkpoint has staged is committed before any writer is opened. Leftovers of subtasks that there
/// are no more go to the one whose index is theirs modulo the parallelism.
pub(super) fn tidy(place: &Storage, subtask: Subtask) -> Result<u64> {
    let fail = |error| failed("tidy up", place.name(), error);
    let mut free = 0;
    let entries = [place.list("").map_err(fail)?, place.unfinished("").map_err(fail)?].concat();
    for entry in entries {
        let (folder, file) = folder_and_file(&entry.name);
        let left = Storage::hidden_stem(file);
        let name = left.map_or(file, |stem| stem[1..].trim_end_matches(JOINING));
        let Some((of, counter)) = parse(name) else { continue };
        if of % subtask.of.max(1) != subtask.index {
            continue;
        }
        if left.is_some() {
            place
                .abandon(&entry.name, &within(folder, name))
                .map_err(|error| failed("remove", &place.full_name(&entry.name), error))?;
        }
        if of == subtask.index {
            free = free.max(counter + 1);
        }
    }
    Ok(free)
}

/// Puts the names in a folder on the disk.
pub(super) fn keep_names(place: &Storage, folder: &str) -> Result<()> {
    place.keep_names(folder).map_err(|error| failed("sync", &place.full_name(folder), error))
}

/// Subtask and counter of a final name, whatever it ends in.
pub(super) fn parse(name: &str) -> Option<(u32, u64)> {
    let (subtask, rest) = name.strip_prefix("part-")?.split_once('-')?;
    let counter = rest.split('.').next()?;
    Some((subtask.parse().ok()?, counter.parse().ok()?))
}

/// That a file cannot be written.
pub(super) fn failed(what: &str, name: &str, error: StorageError) -> Failure {
    if matches!(error, StorageError::Cancelled { .. }) {
        return error.into();
    }
    let full =
        matches!(error.io_kind(), Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded));
    let failure = Failure::external(format!("cannot {what} `{name}`")).because(error.into_source());
    match full {
        true => failure.advice(
            "the disk is full: make room; finished files stay as they are, and a job with checkpoints goes on from the last",
        ),
        false => failure.advice("check that the folder can be written by this user"),
    }
}
