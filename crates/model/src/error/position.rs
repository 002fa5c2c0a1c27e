//! Where in its source a record stood.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a source counts its records in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Lines, from 1.
    Line,
    /// Records, from 1.
    Record,
    /// Offsets in a log, from 0.
    Offset,
    /// Bytes, from 0.
    Byte,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Record => "record",
            Self::Offset => "offset",
            Self::Byte => "byte",
        })
    }
}

/// The place of a record, or of a run of records that holds it: `flights.csv, line 10482`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The file, peer, topic or collection.
    pub source: Arc<str>,
    /// What `first` and `last` count.
    pub unit: Unit,
    /// The first record that it may have been.
    pub first: u64,
    /// The last one; equal to `first` where the place is known exactly.
    pub last: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, unit, first, last } = self;
        if first == last {
            write!(f, "{source}, {unit} {first}")
        } else {
            write!(f, "{source}, between {unit} {first} and {unit} {last}")
        }
    }
}
