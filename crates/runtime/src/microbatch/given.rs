//! What batches are given where several processes work on them: data that is told, from which all make the same data sets.
//!
//! Answers for what is told of an input's batch, and for partitions in the checkpoint folder. Not for when it is told
//! (`together`).
//! Holds: what one process decides (which files, which offsets, which records were received) is told and never decided again.

use std::borrow::Cow;
use std::path::Path;

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use millstream_state::{BatchBlocks, SavedBlock};
use serde::{Deserialize, Serialize};

use crate::job::store_failure;

/// What an input gave to a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// What there is to read: files, ranges of offsets.
    pub words: Vec<String>,
    /// The records themselves, where nobody could read them again: a block for each partition.
    pub blocks: Vec<GivenBlock>,
}

/// The records of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GivenBlock {
    /// These, encoded.
    Told(Vec<u8>),
    /// In the checkpoint folder.
    Stored(SavedBlock),
}

/// What the leading process has taken from an input for a batch.
#[derive(Debug, Default)]
pub struct Taken {
    /// How many records are known to be in it.
    pub records: u64,
    /// Records that nobody could read again, encoded, a block for each partition.
    pub blocks: Vec<Vec<u8>>,
}

/// The checkpoint folder, as the tasks of all processes see it.
#[derive(Clone, Debug)]
pub struct Shelf {
    blocks: BatchBlocks,
    run: String,
}

impl Shelf {
    /// The files of a folder; what is written gets names that begin with `run`, which no other run has.
    pub(super) fn open(folder: &Path, run: String) -> Result<Self> {
        Ok(Self { blocks: BatchBlocks::open(folder).map_err(store_failure)?, run })
    }

    /// Writes a partition that is carried to later batches; `name` is that of no other attempt of this run.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<SavedBlock> {
        self.blocks.write(&format!("carried-{}-{name}", self.run), bytes).map_err(store_failure)
    }
}

impl GivenBlock {
    /// The encoded records, of what is called `stream`.
    ///
    /// # Errors
    /// If they cannot be read, or are not what was written.
    pub fn bytes(&self, shelf: Option<&Shelf>, stream: &str, time: Timestamp) -> Result<Cow<'_, [u8]>> {
        match (self, shelf) {
            (Self::Told(bytes), _) => Ok(Cow::Borrowed(bytes)),
            (Self::Stored(block), Some(shelf)) => {
                let read = shelf.blocks.read(block, stream, time.millis()).map(Cow::Owned);
                read.map_err(|error| {
                    store_failure(error).advice(
                        "on a cluster the checkpoint folder must be one that all machines see under the same name",
                    )
                })
            }
            (Self::Stored(_), None) => {
                Err(Failure::internal("a block is in the checkpoint folder, and there is none"))
            }
        }
    }
}
