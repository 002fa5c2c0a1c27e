//! How records of one type are written down, read back and weighed.

use std::fmt;
use std::mem::needs_drop;

use millstream_model::error::{Failure, Result};

use super::block::FRAME;
use crate::state::StateData;
use crate::state::encoding::{DecodeError, EncodeError, from_bytes, to_bytes};

/// How many records are looked at to weigh a run of them.
const SAMPLE: usize = 32;

/// The functions that encode and decode runs of records, for where their type is only known to be a record.
pub struct Codec<T> {
    encode: fn(&[T]) -> Result<Vec<u8>, EncodeError>,
    decode: fn(&[u8]) -> Result<Vec<T>, DecodeError>,
    weigh: fn(&T) -> usize,
}

impl<T> Clone for Codec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Codec<T> {}

impl<T> fmt::Debug for Codec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codec({})", std::any::type_name::<T>())
    }
}

impl<T: StateData> Codec<T> {
    /// That of a type that can be written down.
    pub fn of() -> Self {
        Self {
            encode: |records| to_bytes(records),
            decode: |bytes| from_bytes(bytes),
            weigh: |record| to_bytes(record).map_or(0, |bytes| bytes.len()),
        }
    }
}

impl<T> Codec<T> {
    /// About how many bytes records take in memory.
    ///
    /// The rule: a record of a type that owns nothing takes its own size, exactly. Of any other, each takes its own size
    /// and, for what it points to, as many bytes as it is long when encoded; this is found for 32 records, evenly spaced,
    /// and taken for all. That leaves out spare capacity and the allocator's share, and counts numbers twice.
    pub fn footprint(&self, records: &[T]) -> usize {
        self.footprint_of(records.len(), records.iter().step_by((records.len() / SAMPLE).max(1)))
    }

    /// About how many bytes so many records take in memory that are like those of `sample`, by the same rule.
    pub fn footprint_of<'a>(&self, count: usize, sample: impl IntoIterator<Item = &'a T>) -> usize
    where
        T: 'a,
    {
        let behind = if needs_drop::<T>() {
            let (mut bytes, mut looked_at) = (0, 0);
            for record in sample.into_iter().take(2 * SAMPLE) {
                bytes += (self.weigh)(record);
                looked_at += 1;
            }
            bytes.div_ceil(looked_at.max(1))
        } else {
            0
        };
        count.saturating_mul(size_of::<T>() + behind)
    }

    /// Hands the encoded records to `write`, in frames of about [`FRAME`] bytes.
    ///
    /// # Errors
    /// If a record cannot be encoded, or those of `write`.
    pub fn encode_frames(&self, records: &[T], write: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let each = self.footprint(records) / records.len().max(1);
        records.chunks((FRAME / each.max(1)).max(1)).try_for_each(|run| write(&self.encode(run)?))
    }

    /// The encoded records.
    ///
    /// # Errors
    /// If one of them cannot be encoded.
    pub fn encode(&self, records: &[T]) -> Result<Vec<u8>> {
        (self.encode)(records)
            .map_err(|error| Failure::user("records cannot be encoded to be written to disk").because(error))
    }

    /// The records of [`Codec::encode`].
    ///
    /// # Errors
    /// If the bytes are damaged.
    pub fn decode(&self, bytes: &[u8]) -> Result<Vec<T>> {
        (self.decode)(bytes)
            .map_err(|error| Failure::external("records read back from disk are damaged").because(error))
    }
}
