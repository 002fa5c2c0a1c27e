//! What is kept, and what is garbage.
//!
//! Answers for the last N checkpoints, for savepoints, which are never collected, and for everything else that no kept
//! manifest reaches: files of dropped checkpoints and leftovers of unfinished ones.
//! Holds: a manifest is deleted before the files it reaches, so that none ever reaches what is gone; what belongs to a
//! manifest that cannot be read is left alone.

use std::collections::HashSet;

use crate::error::StoreError;
use crate::name::CheckpointName;
use crate::store::CheckpointStore;
use millstream_model::id::CheckpointKind;

/// What was collected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Checkpoints that are no longer kept.
    pub checkpoints: Vec<CheckpointName>,
    /// How many files were deleted, manifests included.
    pub files: usize,
}

impl CheckpointStore {
    /// Keeps the last `keep` checkpoints (at least one) and all savepoints, and deletes what no kept one reaches. Of
    /// checkpoints that are being written, `running`, nothing is touched; what else is unfinished is a leftover.
    ///
    /// # Errors
    /// Where the folder cannot be listed or a file not be deleted; what was collected by then stays collected.
    pub fn collect_garbage(&self, keep: usize, running: &[CheckpointName]) -> Result<Collected, StoreError> {
        let files = self.all_files()?;
        let mut reached: HashSet<String> = HashSet::new();
        let (mut spared, mut dropped) = (running.to_vec(), Vec::new());
        let mut kept = 0;
        for name in self.list()?.into_iter().rev() {
            let Ok(manifest) = self.read_alone(name) else {
                spared.push(name);
                continue;
            };
            if name.kind == CheckpointKind::Checkpoint {
                if kept >= keep.max(1) {
                    dropped.push(name);
                    continue;
                }
                kept += 1;
            }
            spared.push(name);
            reached.extend(manifest.files().map(str::to_owned));
        }
        for name in &dropped {
            self.delete(&name.manifest())?;
        }
        let mut collected = Collected { files: dropped.len(), checkpoints: dropped };
        for file in files {
            let Some(owner) = owner(&file) else { continue };
            let is_dropped_manifest = collected.checkpoints.iter().any(|name| name.manifest() == file);
            if spared.contains(&owner) || reached.contains(&file) || is_dropped_manifest {
                continue;
            }
            self.delete(&file)?;
            collected.files += 1;
        }
        self.remove_empty_folders(&spared, &reached);
        Ok(collected)
    }

    fn delete(&self, file: &str) -> Result<(), StoreError> {
        self.check_lock()?;
        let deleted = self.place().delete(file);
        deleted.map_err(|error| StoreError::asking("deleting", &self.full_name(file), error))
    }

    /// Local folders stay behind when their files are gone, as do half-written files, which are not listed.
    fn remove_empty_folders(&self, spared: &[CheckpointName], reached: &HashSet<String>) {
        let Some(entries) = self.place().folder().and_then(|folder| std::fs::read_dir(folder).ok()) else {
            return;
        };
        for entry in entries.flatten() {
            let Some(name) = entry.file_name().to_str().and_then(|name| name.parse::<CheckpointName>().ok())
            else {
                continue;
            };
            let is_reached = reached.iter().any(|file| owner(file) == Some(name));
            if entry.file_name().to_str() == Some(&name.to_string()) && !spared.contains(&name) && !is_reached
            {
                // What cannot be removed now is tried again at the next collection.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// The checkpoint in whose folder a file lies; none for files that are not a checkpoint's.
fn owner(file: &str) -> Option<CheckpointName> {
    file.split_once('/')?.0.parse().ok()
}
