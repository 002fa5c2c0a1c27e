//! Numbers in a row as a source.
//!
//! Answers for the numbers from one to another. Not for records made of them: that is the generator's.
//! Holds: exactly once.

use millstream_dataflow::batch::Batch;
use millstream_dataflow::source::{Boundedness, Promise, Source, SourceReader, SplitEnumerator};
use millstream_model::error::Result;
use millstream_model::id::Subtask;
use millstream_model::record::Record;

use crate::ranges::{Cut, Numbers, RangeEnumerator, RangeReader, RangeSplit};

/// The integers from a start to an end, with both, in runs: each subtask emits one run, in order.
///
/// ```
/// use millstream_connectors::sequence::NumberSequence;
/// let source = NumberSequence::new(-2_i64, 1_000);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NumberSequence<N> {
    start: N,
    count: u64,
}

/// An integer that a [`NumberSequence`] can be of: `u64` or `i64`.
pub trait Number: Record + Copy + Sync {
    /// How many numbers there are from `self` to `end`, with both; 0 if `end` is below.
    fn count_to(self, end: Self) -> u64;
    /// The number `steps` behind this one.
    fn plus(self, steps: u64) -> Self;
}

impl Number for u64 {
    fn count_to(self, end: Self) -> u64 {
        end.checked_sub(self).map_or(0, |steps| steps.saturating_add(1))
    }

    fn plus(self, steps: u64) -> Self {
        self.wrapping_add(steps)
    }
}

impl Number for i64 {
    fn count_to(self, end: Self) -> u64 {
        if end < self { 0 } else { end.abs_diff(self).saturating_add(1) }
    }

    fn plus(self, steps: u64) -> Self {
        self.wrapping_add_unsigned(steps)
    }
}

impl<N: Number> NumberSequence<N> {
    /// The numbers from `start` to `end`, with both; none if `end` is below. At most `u64::MAX` of them.
    pub fn new(start: N, end: N) -> Self {
        Self { start, count: start.count_to(end) }
    }
}

impl<N: Number> Source for NumberSequence<N> {
    type Record = N;
    type Split = RangeSplit;

    fn name(&self) -> String {
        "NumberSequence".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<RangeSplit>>> {
        Ok(Box::new(RangeEnumerator::new(self.count, Cut::Runs, restored)?))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<N, RangeSplit>>> {
        let start = self.start;
        Ok(Box::new(RangeReader::new(
            "sequence".into(),
            self.count,
            None,
            move |numbers: Numbers, batch: &mut Batch<_>| numbers.fill(batch, |at| start.plus(at)),
        )))
    }
}
