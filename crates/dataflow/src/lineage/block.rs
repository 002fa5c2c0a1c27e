//! Blocks: what a task leaves for others.

use std::any::Any;
use std::sync::Arc;

use millstream_model::error::{Failure, Result};

use super::{DatasetId, ShuffleId};
use crate::state::StateData;
use crate::state::encoding::{from_bytes, to_bytes};

/// A run of records that one map task leaves for one reducer: typed while in memory, encoded when it is spilled.
pub trait Block: Send + Sync {
    /// How many bytes it takes in memory, about.
    fn bytes(&self) -> usize;

    /// The encoded records.
    ///
    /// # Errors
    /// If a record cannot be encoded.
    fn encode(&self) -> Result<Vec<u8>>;

    /// Itself, to be taken for the type that it is.
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// The block of records of type `T`.
#[derive(Debug)]
pub struct Rows<T>(pub Vec<T>);

impl<T: StateData> Rows<T> {
    /// The records of a block that was fetched.
    ///
    /// # Errors
    /// If it holds other records than `T`, or cannot be decoded.
    pub fn of(fetched: Fetched) -> Result<Arc<Self>> {
        match fetched {
            Fetched::Memory(block) => {
                block.as_any().downcast().map_err(|_| Failure::internal("a shuffle block of another type"))
            }
            Fetched::Encoded(bytes) => from_bytes(&bytes)
                .map(|rows| Arc::new(Self(rows)))
                .map_err(|error| Failure::internal("a spilled shuffle block cannot be read").because(error)),
        }
    }
}

impl<T: StateData> Block for Rows<T> {
    fn bytes(&self) -> usize {
        const SAMPLE: usize = 16;
        let step = (self.0.len() / SAMPLE).max(1);
        let sample: Vec<&T> = self.0.iter().step_by(step).take(SAMPLE).collect();
        // What lies behind pointers is unknown; the encoded size of a few records stands for it.
        let encoded = to_bytes(&sample).map_or(0, |bytes| bytes.len()) / sample.len().max(1);
        self.0.len() * size_of::<T>().max(encoded)
    }

    fn encode(&self) -> Result<Vec<u8>> {
        to_bytes(&self.0).map_err(|error| {
            Failure::user("records of a shuffle cannot be encoded to be spilled to disk").because(error)
        })
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// A block as it was found.
pub enum Fetched {
    /// In memory, typed.
    Memory(Arc<dyn Block>),
    /// Read back from disk.
    Encoded(Vec<u8>),
}

/// Where the blocks of a context's tasks are.
pub trait Blocks: Send + Sync {
    /// What map task `map` left for `reducer`.
    ///
    /// # Errors
    /// If it is lost, or cannot be read.
    fn shuffled(&self, shuffle: ShuffleId, map: usize, reducer: usize) -> Result<Fetched>;

    /// A cached partition, if it is there.
    fn cached(&self, dataset: DatasetId, partition: usize) -> Option<Arc<dyn Any + Send + Sync>>;

    /// Keeps a partition that was just computed.
    fn keep(&self, dataset: DatasetId, partition: usize, records: Arc<dyn Any + Send + Sync>);
}
