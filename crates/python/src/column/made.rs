//! Blocks of records that are made without an interpreter: what a source of the engine's has read.
//!
//! Answers for bytes and numbers lying as `write` would lay them. Not for records of any other type.
//! Holds: what is read back are the objects that the records stand for, in their order.

use super::bytes::put_length;
use super::tag;

/// A column of one of the types that sources give.
pub(crate) enum Made<'a> {
    Str(Vec<&'a [u8]>),
    Bytes(Vec<&'a [u8]>),
    Int(Vec<i64>),
}

impl Made<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::Str(runs) | Self::Bytes(runs) => runs.len(),
            Self::Int(numbers) => numbers.len(),
        }
    }

    /// Whether every end within it fits into 32 bits.
    fn fits(&self) -> bool {
        match self {
            Self::Str(runs) | Self::Bytes(runs) => {
                u32::try_from(runs.iter().map(|run| run.len()).sum::<usize>()).is_ok()
            }
            Self::Int(_) => true,
        }
    }

    fn write(&self, into: &mut Vec<u8>) {
        let runs = |tag: u8, runs: &[&[u8]], into: &mut Vec<u8>| {
            into.push(tag);
            let mut end = 0_u32;
            for run in runs {
                end += run.len() as u32;
                into.extend_from_slice(&end.to_le_bytes());
            }
            runs.iter().for_each(|run| into.extend_from_slice(run));
        };
        match self {
            Self::Str(texts) => runs(tag::STR, texts, into),
            Self::Bytes(values) => runs(tag::BYTES, values, into),
            Self::Int(numbers) => {
                into.push(tag::INT);
                numbers.iter().for_each(|number| into.extend_from_slice(&number.to_le_bytes()));
            }
        }
    }
}

/// A block of one chunk: the records are what the one column has, or tuples of what several have. `None` where a column
/// has more bytes than a chunk may have.
pub(crate) fn made_block(columns: &[Made<'_>]) -> Option<Vec<u8>> {
    let rows = columns.first().map_or(0, Made::rows);
    if rows == 0 || !columns.iter().all(|column| column.rows() == rows && column.fits()) {
        return (rows == 0).then(Vec::new);
    }
    let mut block = Vec::new();
    put_length(rows, &mut block);
    if let [column] = columns {
        column.write(&mut block);
    } else {
        block.push(tag::TUPLE);
        put_length(columns.len(), &mut block);
        columns.iter().for_each(|column| column.write(&mut block));
    }
    Some(block)
}
