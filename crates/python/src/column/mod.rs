//! Records as they leave an interpreter: in columns where their types allow it, else pickled.
//!
//! A block is a run of chunks; a chunk is a number of rows and a column. `int` (of 64 bits), `float`, `bool`, `None`,
//! `str`, `bytes` and tuples of these lie in arrays; a column that meets anything else holds pickled objects, and only
//! that column: the text keys of pairs stay text, whatever their values are.
//!
//! Answers for which records lie in which arrays, and for their bytes. Not for where the bytes go.
//! Holds: what is read back is equal to what was written, and of the same types; reading damaged bytes is an error.

mod bytes;
mod gather;
mod made;
mod pickle;
mod read;
mod write;

pub(crate) use gather::Place;
pub(crate) use made::{Made, made_block};
pub(crate) use pickle::{dumps, loads};
pub(crate) use read::{Block, Chunk};
pub(crate) use write::{BlockWriter, text_block};

use pyo3::prelude::*;

/// Values of variable length, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// Where each ends, as `u32`.
    ends: Vec<u8>,
    bytes: Vec<u8>,
}

/// The values of one place of many records. Numbers lie in little-endian bytes, as they travel.
#[derive(Debug, Default)]
pub(crate) enum Column {
    /// Nothing was written yet.
    #[default]
    Empty,
    None,
    Bool(Vec<u8>),
    Int(Vec<u8>),
    Float(Vec<u8>),
    Str(Runs),
    Bytes(Runs),
    Tuple(Vec<Column>),
    Objects(Vec<Py<PyAny>>),
}

/// The byte that a column begins with.
mod tag {
    pub(super) const NONE: u8 = 1;
    pub(super) const BOOL: u8 = 2;
    pub(super) const INT: u8 = 3;
    pub(super) const FLOAT: u8 = 4;
    pub(super) const STR: u8 = 5;
    pub(super) const BYTES: u8 = 6;
    pub(super) const TUPLE: u8 = 7;
    pub(super) const OBJECTS: u8 = 8;
}

impl Runs {
    fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.extend_from_slice(&(self.bytes.len() as u32).to_le_bytes());
    }

    /// Whether one more value leaves every end within 32 bits.
    fn has_room_for(&self, value: &[u8]) -> bool {
        u32::try_from(self.bytes.len() + value.len()).is_ok()
    }

    fn end(&self, row: usize) -> usize {
        bytes::number::<4>(&self.ends, row).map_or(0, |end| u32::from_le_bytes(end) as usize)
    }

    fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.end(row - 1) };
        self.bytes.get(start..self.end(row)).unwrap_or_default()
    }
}

impl Column {
    fn int(bytes: &[u8], row: usize) -> i64 {
        bytes::number(bytes, row).map_or(0, i64::from_le_bytes)
    }
}
