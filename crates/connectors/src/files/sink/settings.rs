//! Where a sink writes.

use std::path::{Path, PathBuf};

use millstream_model::error::{Failure, Result};
use millstream_storage::{Storage, StorageSettings};

/// A folder, or a location elsewhere with the settings for opening it.
#[derive(Clone, Debug)]
pub(super) struct Where {
    pub(super) folder: PathBuf,
    pub(super) settings: Option<StorageSettings>,
}

impl Where {
    /// The place.
    pub(super) fn open(&self) -> Result<Storage> {
        self.named(text(&self.folder)?)
    }

    /// A place that was opened before, by its name.
    pub(super) fn named(&self, name: &str) -> Result<Storage> {
        let opened = match &self.settings {
            Some(settings) => Storage::open_with(name, settings),
            None => Storage::open(name),
        };
        Ok(opened?)
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Failure::user(format!("the name of `{}` is not UTF-8", path.display())))
}
