//! Giving files their final names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use millstream_dataflow::sink::Committer;
use millstream_model::error::Result;
use serde::{Deserialize, Serialize};

use super::names::{failed, keep_names};

/// A file that is whole and waits for its checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Its hidden name.
    pub pending: String,
    /// The name it is to get.
    pub finished: String,
}

/// Renames files.
///
/// A hidden file that is no longer there was renamed by an earlier commit of the same: whoever reads the output may
/// have taken it away since.
pub(super) struct Renamer;

impl Committer<StagedFile> for Renamer {
    fn commit(&mut self, staged: Vec<StagedFile>) -> Result<()> {
        let mut changed = BTreeSet::new();
        for file in &staged {
            let (pending, finished) = (Path::new(&file.pending), Path::new(&file.finished));
            match fs::rename(pending, finished) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed("rename to its final name", pending, error));
                }
                // Also where it was renamed before: that may not have come to the disk.
                _ => changed.extend(finished.parent()),
            }
        }
        // The next manifest will not list these files: by then their names must be on the disk.
        changed.into_iter().filter(|folder| folder.exists()).try_for_each(keep_names)
    }
}
