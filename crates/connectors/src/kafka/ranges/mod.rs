//! Topics in ranges of offsets, for what is computed batch by batch: a range read twice gives the same records.
//!
//! Answers for cutting what has come since the last cut into ranges (`cutter`), for reading one (`reader`), and for telling
//! a group how far batches are done. Not for when a batch is cut, nor for keeping its ranges: that is the batches'.
//! Holds: the ranges of a partition follow on each other without a gap; nothing is read that was not cut.

mod cutter;
mod reader;

pub use cutter::RangeCutter;
pub use reader::{KafkaRanges, RangeReader};

use std::fmt;
use std::str::FromStr;

use millstream_model::error::Failure;

/// The records of a partition from one offset up to another.
///
/// ```
/// use millstream_connectors::kafka::OffsetRange;
///
/// let range = OffsetRange::new("clicks", 0, 10, 25);
/// assert_eq!(range.count(), 15);
/// assert_eq!(range.to_string().parse::<OffsetRange>()?, range);
/// # Ok::<(), millstream_model::error::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OffsetRange {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset.
    pub from: i64,
    /// The offset behind the last.
    pub until: i64,
}

impl OffsetRange {
    /// The offsets from `from` up to `until`, which is not one of them.
    pub fn new(topic: impl Into<String>, partition: i32, from: i64, until: i64) -> Self {
        Self { topic: topic.into(), partition, from, until }
    }

    /// How many offsets there are in it; records may be fewer, where transactions ended or a log was compacted.
    pub fn count(&self) -> u64 {
        (self.until - self.from).max(0).unsigned_abs()
    }
}

impl fmt::Display for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.topic, self.partition, self.from, self.until)
    }
}

impl FromStr for OffsetRange {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let range = || {
            let mut parts = text.split(' ');
            let topic = parts.next().filter(|topic| !topic.is_empty())?;
            let (partition, from, until) = (parts.next()?, parts.next()?, parts.next()?);
            let range = Self::new(topic, partition.parse().ok()?, from.parse().ok()?, until.parse().ok()?);
            parts.next().is_none().then_some(range)
        };
        range().ok_or_else(|| {
            Failure::user(format!("`{text}` is no range of offsets"))
                .advice("one is written TOPIC PARTITION FROM UNTIL, as in: clicks 0 10 25")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::OffsetRange;

    #[test]
    fn what_is_no_range_is_refused_with_one_that_is() {
        for wrong in ["", "clicks 0 10", "clicks 0 10 x", "clicks 0 10 25 30", " 0 10 25"] {
            let refused = wrong.parse::<OffsetRange>().unwrap_err().to_string();
            assert!(refused.contains("clicks 0 10 25"), "{refused}");
        }
    }
}
