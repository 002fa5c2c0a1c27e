//! What a stream in batches writes down: a log of the batches that were cut, and the data sets that it carries on.
//!
//! A folder holds `batches.json`, the log, and a file for each data set, `carried-INDEX-TIME`. Where several processes work
//! on the batches, a file holds one partition of a data set (`carried-...`), or of what a receiver took in (`received-...`):
//! see `batch_blocks`.
//!
//! Answers for files and their checksums, and for the folder's lock. Not for when something is written nor for what a data
//! set's bytes are.
//! Holds: what the log names was completely on the disk before the log; a log is there whole, or the one before it is.

use std::collections::HashSet;
use std::path::Path;

use millstream_storage::Storage;
use serde::{Deserialize, Serialize};

use crate::batch_blocks::{BatchBlocks, SavedBlock};
use crate::error::StoreError;
use crate::lock::Lock;
use crate::manifest::{ManifestFault, from_envelope, to_envelope};
use crate::store::place;

const FORMAT: &str = "millstream batches";
const FORMAT_VERSION: u32 = 1;
const LOG: &str = "batches.json";
const PREFIX: &str = "carried-";
const RECEIVED: &str = "received-";

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
    /// The records that batches were given, where they were written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<(i64, Vec<SavedBlock>)>,
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
    /// Its partitions, where each is a file of its own; the three above say nothing then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<SavedBlock>,
}

impl SavedSet {
    /// The data set of the batch of `time` whose partitions are these files.
    pub fn of_parts(time: i64, parts: Vec<SavedBlock>) -> Self {
        Self { time, file: String::new(), checksum: 0, blocks: Vec::new(), parts }
    }

    /// Its partitions, if each is a file of its own.
    pub fn parts(&self) -> &[SavedBlock] {
        &self.parts
    }
}

/// A folder with a log, which is this process's alone.
#[derive(Debug)]
pub struct BatchStore {
    place: Storage,
    lock: Lock,
}

impl BatchStore {
    /// Opens a folder, making it where it does not exist, and takes its lock: a path, or a location such as
    /// `s3://bucket/batches`.
    ///
    /// # Errors
    /// Where another process has it, it cannot be written to, or its server does not answer.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let place = place(folder.as_ref())?;
        let lock = Lock::take(&place)?;
        Ok(Self { place, lock })
    }

    /// The folder, as it is named in messages.
    pub fn name(&self) -> &str {
        self.place.name()
    }

    /// The folder's files of one partition each.
    pub fn blocks(&self) -> BatchBlocks {
        BatchBlocks::at(self.place.clone())
    }

    /// Writes one of the partitions of what the input number `index` gave to the batch of `time`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_received(
        &self,
        index: usize,
        time: i64,
        part: usize,
        bytes: &[u8],
    ) -> Result<SavedBlock, StoreError> {
        self.lock.check(self.name())?;
        self.blocks().write(&format!("{RECEIVED}{time}-{index}-{part}"), bytes)
    }

    /// Writes a file; where another may have taken the folder, nothing.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.lock.check(self.name())?;
        self.place
            .put(name, bytes)
            .map_err(|error| StoreError::asking("writing", &self.place.full_name(name), error))
    }

    /// The last log that was written, if there is one.
    ///
    /// # Errors
    /// Where it cannot be read, is damaged, or was written by a later version.
    pub fn log(&self) -> Result<Option<BatchLog>, StoreError> {
        let file = self.place.full_name(LOG);
        let text = match self.place.get(LOG) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(StoreError::asking("reading", &file, error)),
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
        let text = to_envelope(FORMAT, FORMAT_VERSION, log)
            .map_err(|source| StoreError::ManifestUnwritable { file: self.place.full_name(LOG), source })?;
        self.put(LOG, text.as_bytes())?;
        self.place.keep_names("").map_err(|error| StoreError::asking("syncing", self.name(), error))
    }

    /// Writes a data set of the stream number `index`, a block for each partition.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_set(&self, index: usize, time: i64, blocks: &[Vec<u8>]) -> Result<SavedSet, StoreError> {
        let file = format!("{PREFIX}{index}-{time}");
        let bytes = blocks.concat();
        self.put(&file, &bytes)?;
        let checksum = crc32fast::hash(&bytes);
        Ok(SavedSet {
            time,
            file,
            checksum,
            blocks: blocks.iter().map(|block| block.len() as u64).collect(),
            parts: Vec::new(),
        })
    }

    /// The blocks of a data set of the stream called `stream`.
    ///
    /// # Errors
    /// Where it cannot be read, or is not what was written.
    pub fn read_set(&self, stream: &str, set: &SavedSet) -> Result<Vec<Vec<u8>>, StoreError> {
        if !set.parts.is_empty() {
            return set.parts.iter().map(|part| self.blocks().read(part, stream, set.time)).collect();
        }
        let file = self.place.full_name(&set.file);
        let damaged = |reason: String| StoreError::StateFileDamaged {
            file: file.clone(),
            uid: stream.to_owned(),
            state: format!("batch {} ms", set.time),
            reason,
            intact: None,
        };
        let bytes = match self.place.get(&set.file) {
            Err(error) if error.is_not_found() => return Err(damaged("it is missing".to_owned())),
            read => read.map_err(|error| StoreError::asking("reading", &file, error))?,
        };
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

    /// Removes the data sets that `log` does not name, and what was received for batches up to the last one cut.
    ///
    /// # Errors
    /// Where the folder cannot be listed, or a file not be removed.
    pub fn collect(&self, log: &BatchLog) -> Result<(), StoreError> {
        let failed =
            |action, name: &str, error| StoreError::asking(action, &self.place.full_name(name), error);
        let mut named = HashSet::new();
        for set in log.carried.iter().flat_map(|stream| &stream.sets) {
            named.insert(set.file.as_str());
            named.extend(set.parts.iter().map(SavedBlock::file));
        }
        let received = log.inputs.iter().flat_map(|input| &input.blocks);
        named.extend(received.flat_map(|(_, blocks)| blocks).map(SavedBlock::file));
        // The next batch may just be on its way into the log.
        let is_over = |name: &str| {
            let time = name.strip_prefix(RECEIVED).and_then(|rest| rest.rsplitn(3, '-').nth(2));
            time.and_then(|time| time.parse::<i64>().ok()).is_some_and(|time| time <= log.cut)
        };
        self.lock.check(self.name())?;
        for entry in self.place.list_folder("").map_err(|error| failed("listing", "", error))? {
            let name = entry.name.as_str();
            if (name.starts_with(PREFIX) || is_over(name)) && !named.contains(name) {
                self.place.delete(&entry.name).map_err(|error| failed("deleting", &entry.name, error))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn log(sets: Vec<SavedSet>) -> BatchLog {
        let carried = vec![CarriedSets { name: "update_state_by_key".into(), sets }];
        let inputs = vec![InputLog {
            name: "files".into(),
            position: vec!["a".into()],
            batches: vec![(2, vec![])],
            ..InputLog::default()
        }];
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
        assert!(gone.contains("carried-0-1 is damaged: it is missing"), "{gone}");
    }

    #[test]
    fn partitions_in_files_of_their_own_go_when_no_log_names_them_and_the_batch_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let store = BatchStore::open(folder.path()).unwrap();
        let part = store.blocks().write("carried-a-0", b"state").unwrap();
        let received = [1, 2, 3].map(|time| store.write_received(0, time, 0, b"lines").unwrap());
        store.blocks().write("carried-a-1", b"of an attempt that was given up").unwrap();
        let mut log = log(vec![SavedSet::of_parts(1, vec![part])]);
        log.inputs[0].blocks.push((2, vec![received[1].clone()]));
        store.collect(&log).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let kept = ["carried-a-0", "received-2-0-0", "received-3-0-0"];
        assert_eq!(
            names.iter().filter(|name| name.to_str().unwrap().contains('-')).collect::<Vec<_>>(),
            kept
        );
        assert_eq!(store.read_set("words", &log.carried[0].sets[0]).unwrap(), [b"state"]);
        fs::write(folder.path().join("carried-a-0"), b"stale").unwrap();
        let error = store.read_set("words", &log.carried[0].sets[0]).unwrap_err().to_string();
        assert!(error.contains("carried-a-0 is damaged: its bytes have another checksum"), "{error}");
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
