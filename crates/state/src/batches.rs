//! What a stream in batches writes down: a log of the batches that were cut, and the data sets that it carries on.
//!
//! A folder holds `batches.json`, the log, and a file for each data set, `carried-INDEX-TIME`.
//!
//! Answers for files and their checksums, and for the folder's lock. Not for when something is written nor for what a data
//! set's bytes are.
//! Holds: what the log names was completely on the disk before the log; a log is there whole, or the one before it is.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::error::StoreError;
use crate::lock::FolderLock;
use crate::manifest::{ManifestFault, from_envelope, to_envelope};

const FORMAT: &str = "millstream batches";
const FORMAT_VERSION: u32 = 1;
const LOG: &str = "batches.json";
const PREFIX: &str = "carried-";

/// How far a program came. Times are in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchLog {
    /// The length of a batch, in milliseconds.
    pub interval: u64,
    /// The time before the first batch.
    pub zero: i64,
    /// The last batch that was cut.
    pub cut: i64,
    /// The last batch whose data sets were written; those after it are to be processed (again).
    pub done: i64,
    /// Each input.
    pub inputs: Vec<InputLog>,
    /// What is carried from batch to batch.
    pub carried: Vec<CarriedSets>,
}

/// What an input gave to batches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputLog {
    /// The input.
    pub name: String,
    /// Where it stood at the last cut.
    pub position: Vec<String>,
    /// For each batch that may be asked for again, what it was given.
    pub batches: Vec<(i64, Vec<String>)>,
}

/// The data sets of a stream that are carried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedSets {
    /// The operation that makes them.
    pub name: String,
    /// Those that later batches ask for.
    pub sets: Vec<SavedSet>,
}

/// Where a data set is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSet {
    /// The batch it is of.
    pub time: i64,
    file: String,
    checksum: u32,
    blocks: Vec<u64>,
}

/// A folder with a log, which is this process's alone.
#[derive(Debug)]
pub struct BatchStore {
    folder: PathBuf,
    _lock: FolderLock,
}

impl BatchStore {
    /// Opens a folder, making it where it does not exist, and takes its lock.
    ///
    /// # Errors
    /// Where another process has it, or it cannot be written to.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(|source| StoreError::unwritable(folder, source))?;
        let lock = FolderLock::take(folder)?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn file(&self, name: &str) -> (PathBuf, String) {
        let path = self.folder.join(name);
        let shown = path.display().to_string();
        (path, shown)
    }

    /// The last log that was written, if there is one.
    ///
    /// # Errors
    /// Where it cannot be read, is damaged, or was written by a later version.
    pub fn log(&self) -> Result<Option<BatchLog>, StoreError> {
        let (path, file) = self.file(LOG);
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::of("reading", &file, error)),
        };
        from_envelope(FORMAT, FORMAT_VERSION, &text).map(Some).map_err(|fault| match fault {
            ManifestFault::Damaged(reason) => StoreError::ManifestDamaged { file, reason, intact: None },
            ManifestFault::Newer(found) => StoreError::NewerFormat { file, found, supported: FORMAT_VERSION },
        })
    }

    /// Writes the log in the place of the one before.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_log(&self, log: &BatchLog) -> Result<(), StoreError> {
        let unwritable = |source| StoreError::unwritable(&self.folder, source);
        let text = to_envelope(FORMAT, FORMAT_VERSION, log).map_err(|error| unwritable(error.into()))?;
        durable::write(&self.folder.join(LOG), text.as_bytes()).map_err(unwritable)?;
        durable::keep_names(&self.folder).map_err(unwritable)
    }

    /// Writes a data set of the stream number `index`, a block for each partition.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_set(&self, index: usize, time: i64, blocks: &[Vec<u8>]) -> Result<SavedSet, StoreError> {
        let file = format!("{PREFIX}{index}-{time}");
        let bytes = blocks.concat();
        let unwritable = |source| StoreError::unwritable(&self.folder, source);
        durable::write(&self.folder.join(&file), &bytes).map_err(unwritable)?;
        let checksum = crc32fast::hash(&bytes);
        Ok(SavedSet { time, file, checksum, blocks: blocks.iter().map(|block| block.len() as u64).collect() })
    }

    /// The blocks of a data set of the stream called `stream`.
    ///
    /// # Errors
    /// Where it cannot be read, or is not what was written.
    pub fn read_set(&self, stream: &str, set: &SavedSet) -> Result<Vec<Vec<u8>>, StoreError> {
        let (path, file) = self.file(&set.file);
        let damaged = |reason: String| StoreError::StateFileDamaged {
            file: file.clone(),
            uid: stream.to_owned(),
            state: format!("batch {} ms", set.time),
            reason,
            intact: None,
        };
        let bytes = fs::read(path).map_err(|error| damaged(error.to_string()))?;
        if crc32fast::hash(&bytes) != set.checksum {
            return Err(damaged("its bytes have another checksum than was written".to_owned()));
        }
        let (mut blocks, mut rest) = (Vec::with_capacity(set.blocks.len()), &bytes[..]);
        for length in &set.blocks {
            let split = usize::try_from(*length).ok().and_then(|length| rest.split_at_checked(length));
            let (block, after) = split.ok_or_else(|| damaged("it is too short".to_owned()))?;
            blocks.push(block.to_vec());
            rest = after;
        }
        Ok(blocks)
    }

    /// Removes the data sets that `log` does not name.
    ///
    /// # Errors
    /// Where the folder cannot be listed, or a file not be removed.
    pub fn collect(&self, log: &BatchLog) -> Result<(), StoreError> {
        let unwritable = |source| StoreError::unwritable(&self.folder, source);
        let named: HashSet<&str> =
            log.carried.iter().flat_map(|stream| &stream.sets).map(|set| set.file.as_str()).collect();
        for entry in fs::read_dir(&self.folder).map_err(unwritable)? {
            let entry = entry.map_err(unwritable)?;
            let name = entry.file_name();
            let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && !named.contains(name));
            if ours {
                fs::remove_file(entry.path()).map_err(unwritable)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(sets: Vec<SavedSet>) -> BatchLog {
        let carried = vec![CarriedSets { name: "update_state_by_key".into(), sets }];
        let inputs =
            vec![InputLog { name: "files".into(), position: vec!["a".into()], batches: vec![(2, vec![])] }];
        BatchLog { interval: 1000, zero: 0, cut: 2, done: 1, inputs, carried }
    }

    #[test]
    fn what_was_written_is_read_back_and_what_no_log_names_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = BatchStore::open(folder.path()).unwrap();
        assert_eq!(store.log().unwrap(), None);
        let old = store.write_set(0, 1, &[b"old".to_vec()]).unwrap();
        store.write_log(&log(vec![old.clone()])).unwrap();
        let blocks = vec![b"ab".to_vec(), Vec::new(), b"c".to_vec()];
        let new = log(vec![store.write_set(0, 2, &blocks).unwrap()]);
        store.write_log(&new).unwrap();
        store.collect(&new).unwrap();
        drop(store);
        let store = BatchStore::open(folder.path()).unwrap();
        assert_eq!(store.log().unwrap(), Some(new.clone()));
        assert_eq!(store.read_set("words", &new.carried[0].sets[0]).unwrap(), blocks);
        let gone = store.read_set("words", &old).unwrap_err().to_string();
        assert!(gone.contains("carried-0-1 is damaged: No such file"), "{gone}");
    }

    #[test]
    fn damage_is_told_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = BatchStore::open(folder.path()).unwrap();
        let set = store.write_set(0, 1, &[b"abc".to_vec()]).unwrap();
        fs::write(folder.path().join("carried-0-1"), b"abx").unwrap();
        let error = store.read_set("words", &set).unwrap_err().to_string();
        assert!(error.contains("carried-0-1 is damaged: its bytes have another checksum"), "{error}");
        fs::write(folder.path().join("batches.json"), b"{").unwrap();
        let error = store.log().unwrap_err().to_string();
        assert!(error.contains("batches.json is damaged"), "{error}");
    }

    #[test]
    fn a_folder_belongs_to_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let _store = BatchStore::open(folder.path()).unwrap();
        let error = BatchStore::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is in use by process"), "{error}");
    }
}
