//! A sink that drops all updates and keeps two sums, by which a lost, doubled or wrong update shows.

use std::sync::{Arc, Mutex, PoisonError};

use millstream::batch::Batch;
use millstream::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream::source::Promise;
use millstream::{Result, Text};

use super::Counts;

/// What a run of updates comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// How many updates there were.
    updates: u64,
    /// The sum of the counts in them.
    sum: u64,
}

impl Tally {
    /// What one update for each time a word came must come to.
    pub(super) fn of(counts: &Counts) -> Self {
        let sum = |n: &u64| n * (n + 1) / 2;
        Self { updates: counts.values().sum(), sum: counts.values().map(sum).sum() }
    }
}

/// The sum over all writers that have come to their end.
#[derive(Clone, Default)]
pub(super) struct Total(Arc<Mutex<Tally>>);

impl Total {
    /// The sum so far.
    pub(super) fn take(&self) -> Tally {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sink.
pub(super) struct TallySink(Total);

impl TallySink {
    /// A sink, and where its sum can be read.
    pub(super) fn new() -> (Self, Total) {
        let total = Total::default();
        (Self(total.clone()), total)
    }
}

struct Writer {
    own: Tally,
    total: Total,
}

impl SinkWriter<(Text, u64), (), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<(Text, u64)>) -> Result<()> {
        self.own.updates += batch.len() as u64;
        self.own.sum += batch.records().iter().map(|(_, count)| count).sum::<u64>();
        batch.clear();
        Ok(())
    }

    fn on_end(&mut self) -> Result<()> {
        let mut total = self.total.0.lock().unwrap_or_else(PoisonError::into_inner);
        total.updates += self.own.updates;
        total.sum += self.own.sum;
        Ok(())
    }
}

impl Sink for TallySink {
    type Record = (Text, u64);
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Tally".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtMostOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer { own: Tally::default(), total: self.0.clone() }))
    }
}
