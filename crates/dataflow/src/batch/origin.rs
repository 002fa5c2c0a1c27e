//! Where the records of a batch stood in their source.

use std::sync::Arc;

use millstream_model::error::{Position, Unit};
use serde::{Deserialize, Serialize};

/// The place of a batch in its source: its records are `count` in a row from `first` on, or, once a filter or a
/// flat_map has been over them, come from somewhere between these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    source: Arc<str>,
    unit: Unit,
    first: u64,
    count: u64,
    exact: bool,
}

impl Origin {
    /// Records of `source` that stand one after the other, `count` of them from `first` on.
    pub fn new(source: Arc<str>, unit: Unit, first: u64, count: usize) -> Self {
        Self { source, unit, first, count: count as u64, exact: true }
    }

    /// Says that record and place no longer go in step.
    pub fn blur(&mut self) {
        self.exact = false;
    }

    /// This place for records that were made from the ones here.
    pub fn blurred(&self) -> Self {
        Self { exact: false, ..self.clone() }
    }

    /// Leaves the first `count` records out.
    pub(super) fn skip(&mut self, count: usize) {
        if self.exact {
            self.first += count as u64;
            self.count = self.count.saturating_sub(count as u64);
        }
    }

    /// Where the record at `index` of the batch stood.
    pub fn position(&self, index: usize) -> Position {
        let (first, last) = if self.exact {
            (self.first + index as u64, self.first + index as u64)
        } else {
            (self.first, self.first + self.count.saturating_sub(1))
        };
        Position { source: self.source.clone(), unit: self.unit, first, last }
    }
}
