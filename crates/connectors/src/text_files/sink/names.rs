//! The names of files in their three phases.

use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use millstream_storage::{Storage, StorageError};

/// The final name.
pub(super) fn finished(subtask: u32, counter: u64) -> String {
    format!("part-{subtask}-{counter}.txt")
}

/// What it is called while it is written, and until it is committed; endings are the storage's.
pub(super) fn hidden(subtask: u32, counter: u64) -> String {
    format!(".part-{subtask}-{counter}")
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
        let (folder, file) =
            entry.name.rsplit_once('/').map_or(("", &*entry.name), |(folder, file)| (folder, file));
        let left = Storage::hidden_stem(file);
        let Some((of, counter)) = left.map_or_else(|| parse_finished(file), parse_hidden) else { continue };
        if of % subtask.of.max(1) != subtask.index {
            continue;
        }
        if left.is_some() {
            let name = finished(of, counter);
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            place
                .abandon(&entry.name, &name)
                .map_err(|error| failed("remove", &place.full_name(&entry.name), error))?;
        } else if of == subtask.index {
            free = free.max(counter + 1);
        }
    }
    Ok(free)
}

/// Puts the names in a folder on the disk.
pub(super) fn keep_names(place: &Storage, folder: &str) -> Result<()> {
    place.keep_names(folder).map_err(|error| failed("sync", &place.full_name(folder), error))
}

fn parse_finished(name: &str) -> Option<(u32, u64)> {
    numbers(name.strip_prefix("part-")?.strip_suffix(".txt")?)
}

fn parse_hidden(stem: &str) -> Option<(u32, u64)> {
    numbers(stem.strip_prefix(".part-")?)
}

/// Subtask and counter.
fn numbers(text: &str) -> Option<(u32, u64)> {
    let (subtask, counter) = text.split_once('-')?;
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
