//! Giving files their final names.
//!
//! Holds: what is committed again is found to be committed; a success file appears behind all files that it speaks for.

use std::collections::BTreeSet;

use millstream_dataflow::sink::Committer;
use millstream_model::error::Result;
use millstream_storage::{StagedUpload, Storage};
use serde::{Deserialize, Serialize};

use super::join::{Joining, join};
use super::names::{failed, keep_names};
use super::settings::Where;
use super::success::Success;

/// What a writer gives to a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Staged {
    /// A file that is whole.
    File(StagedFile),
    /// How far the writer is, for success files.
    Reached {
        /// The sink's folder.
        place: String,
        /// The writer's subtask.
        subtask: u32,
        /// How many there are.
        of: u32,
        /// The folder that it writes to by the time, and no more to any before.
        bucket: Option<String>,
        /// Whether it will write nothing more at all.
        ended: bool,
    },
}

/// A file that is whole and waits for its checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// The sink's folder when it was written: the file is committed there, whatever the program says now.
    pub place: String,
    /// The file.
    pub upload: StagedUpload,
    /// How many bytes at its begin every file of the sink has.
    pub head: u64,
}

/// Commits files, each once or again.
pub(super) struct Namer {
    at: Where,
    joining: Option<Joining>,
    success: Option<Success>,
}

impl Namer {
    pub(super) fn new(at: Where, joining: Option<Joining>, success: bool) -> Self {
        Self { at, joining, success: success.then(Success::default) }
    }

    fn commit_one(place: &Storage, file: &StagedUpload) -> Result<()> {
        let committed = place.commit(file);
        committed.map_err(|error| failed("give its final name to", &place.full_name(&file.name), error))?;
        Ok(())
    }
}

impl Committer<Staged> for Namer {
    fn commit(&mut self, staged: Vec<Staged>) -> Result<()> {
        let (mut files, mut reached) = (Vec::new(), Vec::new());
        for staged in staged {
            match staged {
                Staged::File(file) => files.push(file),
                reach @ Staged::Reached { .. } => reached.push(reach),
            }
        }
        files.sort_by(|one, other| (&one.place, &one.upload.name).cmp(&(&other.place, &other.upload.name)));
        for of_place in files.chunk_by(|one, other| one.place == other.place) {
            let place = self.at.named(&of_place[0].place)?;
            let mut changed = BTreeSet::new();
            for of_folder in of_place.chunk_by(|one, other| one.upload.folder() == other.upload.folder()) {
                match &self.joining {
                    Some(joining) => join(&place, joining, of_folder)?,
                    None => of_folder.iter().try_for_each(|file| Self::commit_one(&place, &file.upload))?,
                }
                // Also where they had their names before: that may not have come to the disk.
                changed.insert(of_folder[0].upload.folder().to_owned());
            }
            // The next manifest will not list these files: by then their names must be on the disk.
            changed.iter().try_for_each(|folder| keep_names(&place, folder))?;
            if let Some(success) = &mut self.success {
                success.committed(place.name(), changed);
            }
        }
        match &mut self.success {
            Some(success) => success.reached(&reached, |name| self.at.named(name)),
            None => Ok(()),
        }
    }
}
