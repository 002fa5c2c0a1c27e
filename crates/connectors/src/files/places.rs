//! Files that lie anywhere: a local path, or a location in S3, HDFS or memory.
//!
//! Answers for telling the two apart, since local files are read as fast as the system can. A file is known by its whole
//! path or location.

use millstream_model::error::{Failure, Result};
use millstream_storage::{Location, Storage, StorageSettings};

/// How the places of files are opened: with the settings of the program, or those of the environment.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(pub(super) Option<StorageSettings>);

/// A path as it is given.
pub(super) enum Given {
    /// On this machine, without `file:`.
    Local(String),
    /// Elsewhere.
    Remote(Location),
}

impl Given {
    pub(super) fn of(path: &str) -> Result<Self> {
        if !Location::has_scheme(path) {
            return Ok(Self::Local(path.to_owned()));
        }
        Ok(match path.parse()? {
            Location::Local(path) => match path.into_os_string().into_string() {
                Ok(path) => Self::Local(path),
                Err(path) => {
                    return Err(Failure::user(format!("the path `{}` is not UTF-8", path.display())));
                }
            },
            location => Self::Remote(location),
        })
    }
}

impl Places {
    pub(super) fn open(&self, location: &Location) -> Result<Storage> {
        let text = location.to_string();
        let opened = match &self.0 {
            Some(settings) => Storage::open_with(&text, settings),
            None => Storage::open(&text),
        };
        Ok(opened?)
    }

    /// The place that a file lies in, and its name there.
    pub(super) fn file(&self, location: &Location) -> Result<(Storage, String)> {
        let Some((folder, name)) = location.parent() else {
            return Err(Failure::user(format!("`{location}` is a whole store, and no file in one"))
                .advice("name a file or a folder in it"));
        };
        Ok((self.open(&folder)?, name))
    }
}
