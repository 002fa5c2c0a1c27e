//! Writing a checkpoint: first every subtask its state file, then the coordinator the manifest.
//!
//! Answers for the layout of a state file (a mark of eight bytes, then all groups and entries behind each other) and for
//! the index that goes into the manifest. Runs on the thread that uploads, not on the record path.
//! Holds: the manifest appears whole or not at all, also across a power failure in a local folder.

use std::ops::ControlFlow;

use millstream_dataflow::state::OperatorSnapshot;
use millstream_storage::{Published, StorageError};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::manifest::{
    Committable, GroupPlace, KeyedEntry, KeyedFile, Manifest, OperatorFile, OperatorStateEntry, Place,
};
use crate::name::CheckpointName;
use crate::store::CheckpointStore;

/// What a state file begins with: the name and the format's version.
const MARK: &[u8; 8] = b"MSSTATE\x01";

/// What one subtask hands over at a barrier.
#[derive(Debug, Default)]
pub struct SubtaskWork {
    /// By uid, the snapshot of each operator of the chain.
    pub operators: Vec<(String, OperatorSnapshot)>,
    /// What its sinks have staged.
    pub committables: Vec<Committable>,
}

/// What one subtask has written: the part of the manifest that it knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtaskState {
    /// The operators that have state.
    pub operators: Vec<SubtaskOperator>,
    /// What its sinks have staged.
    pub committables: Vec<Committable>,
    /// The size of the state file; 0 where there was nothing to write.
    pub bytes: u64,
}

/// One operator's states in one subtask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtaskOperator {
    /// The operator.
    pub uid: String,
    /// Its keyed states.
    pub keyed: Vec<KeyedEntry>,
    /// Its operator states.
    pub operator: Vec<OperatorStateEntry>,
}

impl SubtaskOperator {
    /// Whether any of its state lies in a file.
    fn is_placed(&self) -> bool {
        self.keyed.iter().any(|state| !state.files.is_empty())
            || self.operator.iter().any(|state| !state.files.is_empty())
    }
}

impl CheckpointStore {
    /// Encodes and writes the state of one subtask of `checkpoint`. `subtask` names it among all subtasks of the job,
    /// in letters, digits and dashes (such as `2-0` for the first subtask of the third chain); it becomes the file's
    /// name.
    ///
    /// # Errors
    /// Where a value cannot be encoded, or the file not be written.
    pub fn write_subtask(
        &self,
        checkpoint: CheckpointName,
        subtask: &str,
        work: SubtaskWork,
    ) -> Result<SubtaskState, StoreError> {
        let file = checkpoint.file(&format!("{subtask}.state"));
        let mut body = MARK.to_vec();
        let mut operators = Vec::new();
        for (uid, snapshot) in work.operators {
            if snapshot.is_empty() {
                continue;
            }
            operators.push(self.append(uid, snapshot, &file, &mut body)?);
        }
        // An entry may be of no bytes at all: its place is in a file all the same.
        let bytes = if operators.iter().any(SubtaskOperator::is_placed) { body.len() as u64 } else { 0 };
        if bytes > 0 {
            self.check_lock()?;
            if !self.is_wanted() {
                // It may be less than the whole.
                let name = self.full_name(&file);
                return Err(StoreError::Storage(StorageError::Cancelled { action: "writing", name }));
            }
            let written = self.place().put_while(&file, &body, &|| self.is_wanted());
            written.map_err(|error| StoreError::asking("writing", &self.full_name(&file), error))?;
            if let Some(copies) = self.copies() {
                let original = self.place().folder().map(|folder| folder.join(&file));
                copies.keep(&file, &body, original.as_deref());
            }
        }
        Ok(SubtaskState { operators, committables: work.committables, bytes })
    }

    /// Writes the manifest: from here on the checkpoint exists.
    ///
    /// # Errors
    /// Where it cannot be written; then the checkpoint does not exist.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let file = manifest.checkpoint.manifest();
        let text = manifest
            .to_text()
            .map_err(|source| StoreError::ManifestUnwritable { file: file.clone(), source })?;
        // State files were written one by one; their names go to the disk together, before the manifest that reaches them.
        self.keep_names(&manifest.checkpoint.to_string())?;
        self.publish(&file, text.as_bytes())?;
        self.keep_names(&manifest.checkpoint.to_string())?;
        self.keep_names("")
    }

    /// Puts the names in a folder (from the checkpoint folder on) on the disk, where it is a local one.
    fn keep_names(&self, folder: &str) -> Result<(), StoreError> {
        let kept = self.place().keep_names(folder);
        kept.map_err(|error| StoreError::asking("syncing", &self.full_name(folder), error))
    }

    /// Writes a file that no other job has written: where there is no lock that the system holds, two could try.
    fn publish(&self, file: &str, body: &[u8]) -> Result<(), StoreError> {
        if self.place().folder().is_some() {
            return self.put(file, body);
        }
        self.check_lock()?;
        match self.place().put_if_absent(file, body) {
            Ok(Published::Won) => Ok(()),
            Ok(Published::Lost) => Err(StoreError::ManifestTaken { file: self.full_name(file) }),
            Err(error) => Err(StoreError::asking("writing", &self.full_name(file), error)),
        }
    }

    /// Encodes a snapshot behind what is there; what it gives of one that is no longer wanted is never written.
    fn append(
        &self,
        uid: String,
        snapshot: OperatorSnapshot,
        file: &str,
        body: &mut Vec<u8>,
    ) -> Result<SubtaskOperator, StoreError> {
        let mut written = SubtaskOperator { uid, keyed: Vec::new(), operator: Vec::new() };
        for part in snapshot.keyed {
            let (mut groups, mut entries, before) = (Vec::new(), 0, body.len());
            let meta = part
                .encode(&mut |encoded| {
                    let place = append_bytes(encoded.bytes, body);
                    groups.push(GroupPlace { group: encoded.group.0, entries: encoded.entries, place });
                    entries += u64::from(encoded.entries);
                    if self.is_wanted() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                })
                .map_err(|source| StoreError::State { uid: written.uid.clone(), source: Box::new(source) })?;
            let files = if groups.is_empty() {
                Vec::new()
            } else {
                vec![KeyedFile { file: file.to_owned(), groups }]
            };
            written.keyed.push(KeyedEntry { meta, bytes: (body.len() - before) as u64, entries, files });
        }
        for part in snapshot.operator {
            let entries: Vec<Place> = part.entries.iter().map(|entry| append_bytes(entry, body)).collect();
            let files = if entries.is_empty() {
                Vec::new()
            } else {
                vec![OperatorFile { file: file.to_owned(), entries }]
            };
            let (name, signature, schema_version) = (part.name, part.signature, part.schema_version);
            written.operator.push(OperatorStateEntry { name, signature, schema_version, files });
        }
        Ok(written)
    }

    fn put(&self, file: &str, body: &[u8]) -> Result<(), StoreError> {
        self.check_lock()?;
        let written = self.place().put(file, body);
        written.map_err(|error| StoreError::asking("writing", &self.full_name(file), error))
    }
}

fn append_bytes(bytes: &[u8], body: &mut Vec<u8>) -> Place {
    let place =
        Place { offset: body.len() as u64, length: bytes.len() as u64, checksum: crc32fast::hash(bytes) };
    body.extend_from_slice(bytes);
    place
}
