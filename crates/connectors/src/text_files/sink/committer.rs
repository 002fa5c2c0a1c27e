//! Giving files their final names.

use std::collections::BTreeSet;

use millstream_dataflow::sink::Committer;
use millstream_model::error::Result;
use millstream_storage::{StagedUpload, Storage};
use serde::{Deserialize, Serialize};

use super::names::{failed, keep_names};
use super::settings::Where;

/// A file that is whole and waits for its checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// The sink's folder when it was written: the file is committed there, whatever the program says now.
    pub place: String,
    /// The file.
    pub upload: StagedUpload,
}

/// Commits files, each once or again.
pub(super) struct Namer(pub(super) Where);

impl Committer<StagedFile> for Namer {
    fn commit(&mut self, staged: Vec<StagedFile>) -> Result<()> {
        let mut open: Option<Storage> = None;
        let mut changed = BTreeSet::new();
        for file in &staged {
            let place = match open.take() {
                Some(place) if place.name() == file.place => place,
                _ => self.0.named(&file.place)?,
            };
            let commit = place.commit(&file.upload);
            commit.map_err(|error| {
                failed("give its final name to", &place.full_name(&file.upload.name), error)
            })?;
            // Also where it had it before: that may not have come to the disk.
            changed.insert((file.place.clone(), file.upload.folder().to_owned()));
            open = Some(place);
        }
        // The next manifest will not list these files: by then their names must be on the disk.
        changed.into_iter().try_for_each(|(place, folder)| keep_names(&self.0.named(&place)?, &folder))
    }
}
