//! The names of files in their three phases.

use std::fs;
use std::path::Path;

use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;

/// The final name.
pub(super) fn finished(subtask: u32, counter: u64) -> String {
    format!("part-{subtask}-{counter}.txt")
}

/// The hidden name while it is written, and until it is committed.
pub(super) fn hidden(subtask: u32, counter: u64, phase: &str) -> String {
    format!(".part-{subtask}-{counter}.{phase}")
}

/// Removes what dead attempts of the subtask have left below `folder`, and finds the first free counter.
///
/// Safe because what a checkpoint has staged is committed, and so renamed, before any writer is opened. Leftovers of
/// subtasks that there are no more go to the one whose index is theirs modulo the parallelism.
pub(super) fn tidy(folder: &Path, subtask: Subtask) -> Result<u64> {
    let fail = |error| failed("tidy up", folder, error);
    let mut free = 0;
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let path = entry.path();
        // Links are not followed: no bucket is one.
        if entry.file_type().map_err(fail)?.is_dir() {
            free = free.max(tidy(&path, subtask)?);
            continue;
        }
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some((of, counter)) = parse(name) else { continue };
        if of % subtask.of.max(1) != subtask.index {
            continue;
        }
        if name.starts_with('.') {
            fs::remove_file(&path).map_err(|error| failed("remove", &path, error))?;
        } else if of == subtask.index {
            free = free.max(counter + 1);
        }
    }
    Ok(free)
}

/// Puts the names in a folder on the disk.
pub(super) fn keep_names(folder: &Path) -> Result<()> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    // Only Unix opens folders as files; elsewhere the system keeps names in order by itself.
    if !cfg!(unix) {
        return Ok(());
    }
    fs::File::open(folder).and_then(|open| open.sync_all()).map_err(|error| failed("sync", folder, error))
}

/// Subtask and counter of a name of one of the three phases.
fn parse(name: &str) -> Option<(u32, u64)> {
    let (hidden, name) = name.strip_prefix('.').map_or((false, name), |name| (true, name));
    let (subtask, rest) = name.strip_prefix("part-")?.split_once('-')?;
    let (counter, phase) = rest.split_once('.')?;
    let known = if hidden { ["inprogress", "pending"].contains(&phase) } else { phase == "txt" };
    known.then_some(())?;
    Some((subtask.parse().ok()?, counter.parse().ok()?))
}

/// That a file cannot be written.
pub(super) fn failed(what: &str, path: &Path, error: std::io::Error) -> Failure {
    let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
    let failure = Failure::external(format!("cannot {what} `{}`", path.display())).because(error);
    match full {
        true => failure.advice(
            "the disk is full: make room; finished files stay as they are, and a job with checkpoints goes on from the last",
        ),
        false => failure.advice("check that the folder can be written by this user"),
    }
}
