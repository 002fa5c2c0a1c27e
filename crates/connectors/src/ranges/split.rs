//! A run of numbers that is read alone.

use millstream_dataflow::source::Split;
use serde::{Deserialize, Serialize};

/// The numbers `first`, `first + step`, ... below `end`, read up to (not with) `next`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeSplit {
    /// Where it began; tells it from the other splits.
    pub first: u64,
    /// The position: the number to emit next.
    pub next: u64,
    /// The end, which is not part of it.
    pub end: u64,
    /// The distance between two numbers.
    pub step: u64,
}

impl RangeSplit {
    /// How many numbers are left.
    pub(crate) fn left(&self) -> u64 {
        self.end.saturating_sub(self.next).div_ceil(self.step.max(1))
    }
}

impl Split for RangeSplit {
    fn id(&self) -> String {
        match self.step {
            1 => format!("{}..{}", self.first, self.end),
            step => format!("{}..{} by {step}", self.first, self.end),
        }
    }
}
