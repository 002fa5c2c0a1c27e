//! Cutting a checkpoint's state for one subtask, at any parallelism.
//!
//! Answers for reading only the groups of the subtask's range, and for finding damage. Holds: what is handed on has the
//! length and the checksum it was written with.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use millstream_dataflow::state::OperatorRestore;
use millstream_dataflow::state::restore::KeyedBytes;
use millstream_dataflow::state::snapshot::OperatorPart;
use millstream_model::key::{KeyGroup, MaxParallelism, range_of};

use crate::copies::{Damage, read_places};
use crate::error::StoreError;
use crate::manifest::{GroupPlace, Manifest, Place};
use crate::store::CheckpointStore;

/// How many bytes of state were read, and from where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// From copies on this machine.
    pub local: u64,
    /// From the store.
    pub store: u64,
}

impl Manifest {
    /// How far each file must reach.
    pub(crate) fn extents(&self) -> BTreeMap<&str, u64> {
        let mut extents = BTreeMap::new();
        let mut extend = |file, place: &Place| {
            let end: &mut u64 = extents.entry(file).or_default();
            *end = (*end).max(place.offset.saturating_add(place.length));
        };
        for operator in &self.operators {
            for file in operator.keyed.iter().flat_map(|state| &state.files) {
                file.groups.iter().for_each(|group| extend(file.file.as_str(), &group.place));
            }
            for file in operator.operator.iter().flat_map(|state| &state.files) {
                file.entries.iter().for_each(|place| extend(file.file.as_str(), place));
            }
        }
        extents
    }
}

impl CheckpointStore {
    /// The state of operator `uid` for `subtask` (from 0) out of `parallelism`; empty where the checkpoint has no such
    /// operator. All of it is read now, into memory.
    ///
    /// # Errors
    /// Where the operator's max parallelism is another than `max`, or a state file is missing or damaged: the error names
    /// a checkpoint that is intact.
    pub fn restore(
        &self,
        manifest: &Manifest,
        uid: &str,
        subtask: u16,
        parallelism: u16,
        max: MaxParallelism,
    ) -> Result<OperatorRestore, StoreError> {
        self.restore_counted(manifest, uid, (subtask, parallelism), max, &mut Origin::default())
    }

    /// As [`CheckpointStore::restore`], for the subtask of the first number out of so many; adds to `origin` what was read.
    ///
    /// # Errors
    /// As there.
    pub fn restore_counted(
        &self,
        manifest: &Manifest,
        uid: &str,
        (subtask, parallelism): (u16, u16),
        max: MaxParallelism,
        origin: &mut Origin,
    ) -> Result<OperatorRestore, StoreError> {
        let mut restore = OperatorRestore::new(subtask, parallelism, Vec::new(), Vec::new());
        let Some(operator) = manifest.operator(uid) else { return Ok(restore) };
        if operator.max_parallelism != max && !operator.keyed.is_empty() {
            return Err(StoreError::MaxParallelism {
                uid: uid.to_owned(),
                in_checkpoint: operator.max_parallelism.get(),
                in_program: max.get(),
            });
        }
        let range = range_of(subtask, parallelism, max);
        for state in &operator.keyed {
            let reading = Reading { store: self, manifest, uid, state: &state.meta.name };
            let mut groups = Vec::new();
            for file in &state.files {
                let mine = file.groups.iter().filter(|place| range.contains(KeyGroup(place.group)));
                let mine: Vec<&GroupPlace> = mine.collect();
                let places: Vec<Place> = mine.iter().map(|group| group.place).collect();
                let read = reading.read(&file.file, &places, origin)?;
                groups.extend(mine.iter().map(|group| KeyGroup(group.group)).zip(read));
            }
            restore.add_keyed(KeyedBytes { meta: state.meta.clone(), groups });
        }
        for state in &operator.operator {
            let reading = Reading { store: self, manifest, uid, state: &state.name };
            let mut entries = Vec::new();
            for file in &state.files {
                entries.extend(reading.read(&file.file, &file.entries, origin)?);
            }
            let (name, signature) = (state.name.clone(), state.signature.clone());
            restore.add_operator(OperatorPart {
                name,
                signature,
                schema_version: state.schema_version,
                entries,
            });
        }
        Ok(restore)
    }
}

/// What is being read, for messages.
struct Reading<'a> {
    store: &'a CheckpointStore,
    manifest: &'a Manifest,
    uid: &'a str,
    state: &'a str,
}

impl Reading<'_> {
    fn read(&self, file: &str, places: &[Place], origin: &mut Origin) -> Result<Vec<Vec<u8>>, StoreError> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let bytes: u64 = places.iter().map(|place| place.length).sum();
        if let Some(copied) = self.store.copies().and_then(|copies| copies.read(file, places)) {
            origin.local += bytes;
            return Ok(copied);
        }
        origin.store += bytes;
        match self.store.place().folder() {
            Some(folder) => self.read_file(&folder.join(file), file, places),
            None => self.read_object(file, places),
        }
    }

    /// Each place into memory of its own, with nothing copied.
    fn read_file(&self, path: &Path, file: &str, places: &[Place]) -> Result<Vec<Vec<u8>>, StoreError> {
        let read = File::open(path).map_err(Damage::from).and_then(|open| read_places(&open, places));
        read.map_err(|damage| match damage {
            Damage::Unreadable(error) if error.kind() == io::ErrorKind::NotFound => {
                self.damaged(file, "it is missing".to_owned())
            }
            Damage::Unreadable(error) => StoreError::of("reading", &self.store.full_name(file), error),
            damage => self.damaged(file, damage.to_string()),
        })
    }

    fn read_object(&self, file: &str, places: &[Place]) -> Result<Vec<Vec<u8>>, StoreError> {
        let end = |place: &Place| place.offset.saturating_add(place.length);
        let (needed, from) = (
            places.iter().map(end).max().unwrap_or(0),
            places.iter().map(|place| place.offset).min().unwrap_or(0),
        );
        let unreadable = |error| StoreError::asking("reading", &self.store.full_name(file), error);
        let size = match self.store.place().head(file) {
            Ok(object) => object.size,
            Err(error) if error.is_not_found() => {
                return Err(self.damaged(file, "it is missing".to_owned()));
            }
            Err(error) => return Err(unreadable(error)),
        };
        if size < needed {
            return Err(self.damaged(file, format!("it ends at byte {size} and must reach {needed}")));
        }
        let bytes = self.store.place().get_range(file, from..needed).map_err(unreadable)?;
        let cut = |place: &Place| {
            let (start, end) = ((place.offset - from) as usize, (end(place) - from) as usize);
            match bytes.get(start..end) {
                Some(bytes) if crc32fast::hash(bytes) == place.checksum => Ok(bytes.to_vec()),
                _ => Err(self.damaged(
                    file,
                    format!(
                        "the {} bytes at {} have another checksum than was written",
                        place.length, place.offset
                    ),
                )),
            }
        };
        places.iter().map(cut).collect()
    }

    fn damaged(&self, file: &str, reason: String) -> StoreError {
        StoreError::StateFileDamaged {
            file: self.store.full_name(file),
            uid: self.uid.to_owned(),
            state: self.state.to_owned(),
            reason,
            intact: self.store.intact_besides(self.manifest.checkpoint),
        }
    }
}
