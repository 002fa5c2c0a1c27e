//! Numbers that readers publish for who watches a job.
//!
//! Answers for what one is. Not for who asks for them, how often, or where they are shown.
//! Holds: a reader's gauges are of its own splits, so that those of all readers of a source add up.

use serde::{Deserialize, Serialize};

/// A named number about a part of a source, such as how many records stand behind the last one read of a partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceGauge {
    /// What it counts, with its unit: `lag_records`.
    pub name: String,
    /// The part of the source: a partition, an address.
    pub of: String,
    /// The number.
    pub value: i64,
}

impl SourceGauge {
    /// A gauge of this name, of a part of the source.
    pub fn new(name: impl Into<String>, of: impl Into<String>, value: i64) -> Self {
        Self { name: name.into(), of: of.into(), value }
    }
}
