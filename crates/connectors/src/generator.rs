//! A function of a number as a source.
//!
//! Answers for calling it, at a rate if one is set. Not for randomness: a function that gives another record for the
//! same number breaks the promise.
//! Holds: exactly once, if the function depends on its number alone.

use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::source::{Boundedness, Promise, Source, SourceReader, SplitEnumerator};
use millstream_model::error::Result;
use millstream_model::id::Subtask;
use millstream_model::record::Record;

use crate::ranges::{Cut, Numbers, RangeEnumerator, RangeReader, RangeSplit};

/// Puts the records of some numbers into a batch: one dynamic call for all of them.
type Fill<T> = dyn Fn(Numbers, &mut Batch<T>) + Send + Sync;

/// The records that a function makes of 0, 1, 2, ...; subtasks take the numbers by turns.
///
/// ```
/// use millstream_connectors::generator::Generator;
/// let source = Generator::new(|n| format!("event {n}"), Some(1_000)).rate(100.0);
/// ```
pub struct Generator<T> {
    fill: Arc<Fill<T>>,
    count: Option<u64>,
    rate: Option<f64>,
}

impl<T: Record> Generator<T> {
    /// `count` records, or records without end.
    pub fn new(make: impl Fn(u64) -> T + Send + Sync + 'static, count: Option<u64>) -> Self {
        let fill = Arc::new(move |numbers: Numbers, batch: &mut Batch<T>| numbers.fill(batch, &make));
        Self { fill, count, rate: None }
    }

    /// Emits no more than so many records a second, over all subtasks. Not being a positive number, it is no limit.
    #[must_use]
    pub fn rate(mut self, records_per_second: f64) -> Self {
        self.rate = (records_per_second > 0.0).then_some(records_per_second);
        self
    }
}

impl<T: Record> Source for Generator<T> {
    type Record = T;
    type Split = RangeSplit;

    fn name(&self) -> String {
        "Generator".into()
    }

    fn boundedness(&self) -> Boundedness {
        match self.count {
            Some(_) => Boundedness::Bounded,
            None => Boundedness::Unbounded,
        }
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<RangeSplit>>> {
        let total = self.count.unwrap_or(u64::MAX);
        Ok(Box::new(RangeEnumerator::new(total, Cut::Turns, restored)?))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<T, RangeSplit>>> {
        let (fill, total) = (self.fill.clone(), self.count.unwrap_or(u64::MAX));
        let fill = move |numbers: Numbers, batch: &mut Batch<T>| fill(numbers, batch);
        Ok(Box::new(RangeReader::new("generator".into(), total, self.rate, fill)))
    }
}
