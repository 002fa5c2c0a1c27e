//! Rows of several chunks, in any order, as one chunk.
//!
//! Whole arrays are gone through at a time, so that the processor fetches what lies far apart for many rows at once: row
//! by row, with Python in between, each would be waited for.

use pyo3::prelude::*;

use super::bytes::number;
use super::{Chunk, Column, Runs};

/// A row: the number of its chunk, and its own there.
pub(crate) type Place = (u32, u32);

impl Chunk {
    /// The rows at some places; `None` where the chunks do not have arrays of the same types.
    pub(crate) fn gathered(py: Python<'_>, chunks: &[Self], places: &[Place]) -> Option<Self> {
        let columns: Vec<&Column> = chunks.iter().map(|chunk| &chunk.column).collect();
        Some(Self { column: Column::gathered(py, &columns, places)?, rows: places.len() })
    }
}

/// One array of each column, if all columns are of the type that `array` knows.
fn arrays<'a, T: ?Sized>(
    columns: &[&'a Column],
    array: impl Fn(&'a Column) -> Option<&'a T>,
) -> Option<Vec<&'a T>> {
    columns.iter().map(|column| array(column)).collect()
}

fn numbers<const N: usize>(arrays: &[&[u8]], places: &[Place]) -> Option<Vec<u8>> {
    let mut gathered = Vec::with_capacity(places.len() * N);
    for &(chunk, row) in places {
        gathered.extend_from_slice(&number::<N>(arrays.get(chunk as usize)?, row as usize)?);
    }
    Some(gathered)
}

fn runs(of: &[&Runs], places: &[Place]) -> Option<Runs> {
    let mut gathered = Runs::default();
    for &(chunk, row) in places {
        let value = of.get(chunk as usize)?.get(row as usize);
        if !gathered.has_room_for(value) {
            return None;
        }
        gathered.push(value);
    }
    Some(gathered)
}

impl Column {
    fn gathered(py: Python<'_>, columns: &[&Self], places: &[Place]) -> Option<Self> {
        Some(match columns.first()? {
            Self::Empty | Self::None => {
                let are_none = columns.iter().all(|column| matches!(column, Self::Empty | Self::None));
                return are_none.then_some(Self::None);
            }
            Self::Bool(_) => {
                let of =
                    arrays(columns, |column| if let Self::Bool(of) = column { Some(&of[..]) } else { None });
                Self::Bool(numbers::<1>(&of?, places)?)
            }
            Self::Int(_) => {
                let of =
                    arrays(columns, |column| if let Self::Int(of) = column { Some(&of[..]) } else { None });
                Self::Int(numbers::<8>(&of?, places)?)
            }
            Self::Float(_) => {
                let of =
                    arrays(columns, |column| if let Self::Float(of) = column { Some(&of[..]) } else { None });
                Self::Float(numbers::<8>(&of?, places)?)
            }
            Self::Str(_) => {
                let of = arrays(columns, |column| if let Self::Str(of) = column { Some(of) } else { None });
                Self::Str(runs(&of?, places)?)
            }
            Self::Bytes(_) => {
                let of = arrays(columns, |column| if let Self::Bytes(of) = column { Some(of) } else { None });
                Self::Bytes(runs(&of?, places)?)
            }
            Self::Tuple(first) => {
                let of = arrays(columns, |column| match column {
                    Self::Tuple(of) if of.len() == first.len() => Some(&of[..]),
                    _ => None,
                })?;
                let inner = |at: usize| {
                    let of: Vec<&Self> = of.iter().filter_map(|columns| columns.get(at)).collect();
                    Self::gathered(py, &of, places)
                };
                Self::Tuple((0..first.len()).map(inner).collect::<Option<_>>()?)
            }
            Self::Objects(_) => {
                let of =
                    arrays(columns, |column| if let Self::Objects(of) = column { Some(of) } else { None })?;
                let object =
                    |&(chunk, row): &Place| Some(of.get(chunk as usize)?.get(row as usize)?.clone_ref(py));
                Self::Objects(places.iter().map(object).collect::<Option<_>>()?)
            }
        })
    }
}
