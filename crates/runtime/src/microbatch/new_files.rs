//! The files that appear in a folder.
//!
//! Holds: a name is read once, as long as it stays in the folder; names that were there at the start are not read.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;

use super::input::{Input, ReceiverEvents};

/// Takes the new files of a batch.
type Deliver = Box<dyn Fn(Timestamp, &[PathBuf]) -> Result<()> + Send + Sync>;

/// A folder that is looked into at each batch time.
pub struct NewFiles {
    folder: PathBuf,
    deliver: Deliver,
    /// The names that were there when the folder was last looked into.
    seen: Mutex<BTreeSet<OsString>>,
}

impl NewFiles {
    /// The files of `folder`; `deliver` gets the paths of those that are new, in order.
    pub fn new(
        folder: PathBuf,
        deliver: impl Fn(Timestamp, &[PathBuf]) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { folder, deliver: Box::new(deliver), seen: Mutex::default() }
    }

    /// The names of the files in the folder; those that begin with `.` or `_` are still being written.
    fn names(&self) -> Result<BTreeSet<OsString>> {
        let unreadable = |error: std::io::Error| {
            let failure = Failure::external(format!("cannot read the folder {}", self.folder.display()));
            failure.because(error).advice(
                "a text file stream needs a folder that is there before the start and stays; \
                 a relative path begins at the folder the program runs in",
            )
        };
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(&self.folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            if !name.as_encoded_bytes().starts_with(b".")
                && !name.as_encoded_bytes().starts_with(b"_")
                && entry.path().is_file()
            {
                names.insert(name);
            }
        }
        Ok(names)
    }
}

impl Input for NewFiles {
    fn start(&self, _: &ReceiverEvents) -> Result<()> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = self.names()?;
        Ok(())
    }

    fn cut(&self, time: Timestamp) -> Result<u64> {
        let names = self.names()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let files: Vec<_> = names.difference(&seen).map(|name| self.folder.join(name)).collect();
        tracing::debug!(folder = %self.folder.display(), files = files.len(), "new files of the batch");
        // A name that has gone is forgotten, so that the list does not grow with time.
        *seen = names;
        drop(seen);
        (self.deliver)(time, &files)?;
        Ok(0)
    }
}
