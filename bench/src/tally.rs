//! A sink that drops all updates and keeps two sums, by which a lost, doubled or wrong update shows.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use millstream::Result;
use millstream::batch::Batch;
use millstream::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream::source::Promise;

/// What a run of updates comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How many updates there were.
    updates: u64,
    /// The sum of the counts in them.
    sum: u64,
}

impl Tally {
    /// What one update for each time a word came must come to.
    pub(crate) fn of<K>(counts: &HashMap<K, u64>) -> Self {
        let sum = |n: &u64| n * (n + 1) / 2;
        Self { updates: counts.values().sum(), sum: counts.values().map(sum).sum() }
    }

    /// The number of updates and their sum.
    pub(crate) fn parts(&self) -> [u64; 2] {
        [self.updates, self.sum]
    }

    /// Adds updates.
    pub(crate) fn add<K>(&mut self, updates: &[(K, u64)]) {
        self.updates += updates.len() as u64;
        self.sum += updates.iter().map(|(_, count)| count).sum::<u64>();
    }

    /// Adds what another has.
    pub(crate) fn merge(&mut self, other: Self) {
        self.updates += other.updates;
        self.sum += other.sum;
    }
}

/// The sum over all writers that have come to their end.
#[derive(Clone, Default)]
pub(crate) struct Total(Arc<Mutex<Tally>>);

impl Total {
    /// The sum so far.
    pub(crate) fn take(&self) -> Tally {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sink.
pub(crate) struct TallySink<K>(Total, PhantomData<fn(K)>);

impl<K> TallySink<K> {
    /// A sink, and where its sum can be read.
    pub(crate) fn new() -> (Self, Total) {
        let total = Total::default();
        (Self(total.clone(), PhantomData), total)
    }
}

struct Writer {
    own: Tally,
    total: Total,
}

impl<K> SinkWriter<(K, u64), (), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<(K, u64)>) -> Result<()> {
        self.own.add(batch.records());
        batch.clear();
        Ok(())
    }

    fn on_end(&mut self) -> Result<()> {
        self.total.0.lock().unwrap_or_else(PoisonError::into_inner).merge(self.own);
        Ok(())
    }
}

impl<K: Clone + Send + 'static> Sink for TallySink<K> {
    type Record = (K, u64);
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
