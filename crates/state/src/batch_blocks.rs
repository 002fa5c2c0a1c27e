//! Partitions of a stream in batches, each in a file of its own, which any process of the program writes and reads.
//!
//! Answers for what a file is called by, and for its checksum. Not for which files are still needed: the log that names them
//! says that (`batches`), and whoever has the folder removes the others.
//! Holds: a file is there whole or not at all.

use std::path::Path;

use millstream_storage::Storage;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::store::place;

/// One partition that was written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedBlock {
    file: String,
    checksum: u32,
    bytes: u64,
}

impl SavedBlock {
    /// The name of its file.
    pub fn file(&self) -> &str {
        &self.file
    }
}

/// A folder of such files, as every process of the program sees it.
#[derive(Clone, Debug)]
pub struct BatchBlocks {
    place: Storage,
}

impl BatchBlocks {
    /// Those in a folder: a path, or a location such as `s3://bucket/batches`.
    ///
    /// # Errors
    /// Where it is none.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        place(folder.as_ref()).map(Self::at)
    }

    pub(crate) fn at(place: Storage) -> Self {
        Self { place }
    }

    /// Writes a partition under a name that no other has.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<SavedBlock, StoreError> {
        let failed = |error| StoreError::asking("writing", &self.place.full_name(name), error);
        self.place.put(name, bytes).map_err(failed)?;
        Ok(SavedBlock { file: name.to_owned(), checksum: crc32fast::hash(bytes), bytes: bytes.len() as u64 })
    }

    /// The bytes of a partition of the batch of `time` of what is called `stream`.
    ///
    /// # Errors
    /// Where it cannot be read, or is not what was written.
    pub fn read(&self, block: &SavedBlock, stream: &str, time: i64) -> Result<Vec<u8>, StoreError> {
        let file = self.place.full_name(&block.file);
        let damaged = |reason: &str| StoreError::StateFileDamaged {
            file: file.clone(),
            uid: stream.to_owned(),
            state: format!("batch {time} ms"),
            reason: reason.to_owned(),
            intact: None,
        };
        let bytes = match self.place.get(&block.file) {
            Err(error) if error.is_not_found() => return Err(damaged("it is missing")),
            read => read.map_err(|error| StoreError::asking("reading", &file, error))?,
        };
        if bytes.len() as u64 != block.bytes || crc32fast::hash(&bytes) != block.checksum {
            return Err(damaged("its bytes have another checksum than was written"));
        }
        Ok(bytes)
    }
}
