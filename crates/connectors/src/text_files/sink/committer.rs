//! Giving files their final names.

use std::fs;
use std::path::Path;

use millstream_dataflow::sink::Committer;
use millstream_model::error::Result;
use serde::{Deserialize, Serialize};

use super::names::failed;

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
        for file in staged {
            let (pending, finished) = (Path::new(&file.pending), Path::new(&file.finished));
            match fs::rename(pending, finished) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed("rename to its final name", pending, error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
