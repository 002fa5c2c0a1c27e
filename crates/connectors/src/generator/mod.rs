//! A function of a number as a source.
//!
//! Answers for calling it, at a rate if one is set. Not for randomness: a function that gives another record for the
//! same number breaks the promise.
//! Holds: exactly once, if the function depends on its number alone.

pub mod settings;

use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::source::{Boundedness, Promise, Source, SourceReader, SplitEnumerator};
use millstream_model::error::Result;
use millstream_model::id::Subtask;
use millstream_model::record::Record;

use self::settings::{COUNT, RATE, SETTINGS};
use crate::chosen::Chosen;
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
    settings: Chosen,
}

impl<T: Record> Generator<T> {
    /// `count` records, or records without end.
    pub fn new(make: impl Fn(u64) -> T + Send + Sync + 'static, count: Option<u64>) -> Self {
        let fill = Arc::new(move |numbers: Numbers, batch: &mut Batch<T>| numbers.fill(batch, &make));
        Self { fill, count, settings: Chosen::new(&SETTINGS) }
    }

    /// Emits no more than so many records a second, over all subtasks.
    #[must_use]
    pub fn rate(self, records_per_second: f64) -> Self {
        self.set("rate", &records_per_second.to_string())
    }

    /// Gives a setting its value: see [`SETTINGS`]. One that is unknown or malformed is refused when the job starts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.set(name, value);
        self
    }

    /// How many records there are, if they have an end.
    fn bound(&self) -> Result<Option<u64>> {
        Ok(self.settings.given(&COUNT)?.or(self.count))
    }
}

impl<T: Record> Source for Generator<T> {
    type Record = T;
    type Split = RangeSplit;

    fn name(&self) -> String {
        "Generator".into()
    }

    fn boundedness(&self) -> Boundedness {
        match self.bound() {
            Ok(Some(_)) => Boundedness::Bounded,
            _ => Boundedness::Unbounded,
        }
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<RangeSplit>>> {
        self.settings.check()?;
        let total = self.bound()?.unwrap_or(u64::MAX);
        Ok(Box::new(RangeEnumerator::new(total, Cut::Turns, restored)?))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<T, RangeSplit>>> {
        let (fill, total) = (self.fill.clone(), self.bound()?.unwrap_or(u64::MAX));
        let fill = move |numbers: Numbers, batch: &mut Batch<T>| fill(numbers, batch);
        Ok(Box::new(RangeReader::new("generator".into(), total, self.settings.given(&RATE)?, fill)))
    }
}
