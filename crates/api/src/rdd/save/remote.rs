//! A data set in a place without a file system.
//!
//! Holds: a partition is uploaded under a name of its attempt and becomes visible at the end, in one step; who is first to
//! write into a place has it.

use std::fmt::{Display, Write as _};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::{Pull, TaskContext};
use millstream_model::error::{Failure, Result};
use millstream_storage::{Published, StagedUpload, Storage};

use super::super::site::Calls;

/// Says who writes into a place.
const OWNER: &str = "_temporary";

/// An output place. Emptied again unless it is finished.
pub(super) struct Output {
    place: Storage,
    is_done: bool,
}

impl Output {
    /// Takes the place, which must be empty.
    pub(super) fn create(place: Storage) -> Result<Self> {
        let taken = || {
            Failure::user(format!("output folder {} already exists", place.name()))
                .advice("remove it or name another: what is there is never overwritten")
        };
        if !place.list("")?.is_empty() {
            return Err(taken());
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let owner = format!("{} {}", std::process::id(), now.as_nanos());
        match place.put_if_absent(OWNER, owner.as_bytes())? {
            Published::Lost => Err(taken()),
            Published::Won => Ok(Self { place, is_done: false }),
        }
    }

    pub(super) fn finish(mut self, written: &[StagedUpload]) -> Result<()> {
        for upload in written {
            self.place.commit(upload)?;
        }
        self.sweep(false)?;
        self.place.delete(OWNER)?;
        self.place.put("_SUCCESS", b"")?;
        self.is_done = true;
        Ok(())
    }

    /// Removes what attempts have left that did not count; `all` of it where the output is given up.
    fn sweep(&self, all: bool) -> Result<()> {
        let entries = [self.place.list("")?, self.place.unfinished("")?].concat();
        for entry in entries {
            let stem = Storage::hidden_stem(&entry.name).and_then(|stem| stem[1..].split_once(".attempt-"));
            match stem {
                Some((finished, _)) => self.place.abandon(&entry.name, finished)?,
                None if all => self.place.delete(&entry.name)?,
                None => {}
            }
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        if let Err(error) = self.sweep(true) {
            tracing::warn!(place = self.place.name(), %error, "unfinished output cannot be removed");
        }
    }
}

/// Uploads the lines of one attempt.
pub(super) fn write<T: Display>(
    records: &mut dyn Pull<T>,
    task: &TaskContext,
    place: &Storage,
    calls: &Calls,
) -> Result<StagedUpload> {
    let name = format!("part-{:05}", task.partition);
    let mut upload = place.begin_upload(&name, &format!(".{name}.attempt-{}", task.attempt))?;
    let mut text = String::new();
    while let Some(mut batch) = records.next()? {
        text.clear();
        let lines = |batch: &mut Batch<T>| batch.drain().try_for_each(|record| writeln!(text, "{record}"));
        let shown = calls.over(&mut batch, lines)?;
        shown.map_err(|error| Failure::user("a record cannot be shown as text").because(error))?;
        upload.write(text.as_bytes())?;
    }
    Ok(upload.finish()?)
}
