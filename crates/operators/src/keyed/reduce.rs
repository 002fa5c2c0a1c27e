//! One value per key, of the records' own type.

use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Barrier, Operator, OperatorContext, Output};
use millstream_dataflow::state::{KeyData, OperatorSnapshot, StateData, detached};
use millstream_model::error::Result;
use millstream_model::record::Record;

use super::KeyedFold;

/// Reduces the records of each key to one, which is emitted with each update (streaming) or once at the end (batch).
///
/// A [`KeyedFold`] whose accumulator is a record; the state is named `reduce`.
pub struct KeyedReduce<K, T> {
    fold: Box<dyn Operator<T, T>>,
    key: PhantomData<fn() -> K>,
}

impl<K: KeyData + Hash, T: StateData + Record> KeyedReduce<K, T> {
    /// Reduces by `reduce`, which is given what is there and what came, for each key that `select` finds.
    pub fn new<S, F>(select: Arc<S>, reduce: Arc<F>) -> Self
    where
        S: Fn(&T) -> K + Send + Sync + 'static,
        F: Fn(T, T) -> T + Send + Sync + 'static,
    {
        let fold = KeyedFold::named(
            "reduce",
            move |record: &T| select(record),
            |record: &T| detached(record.clone()),
            move |held: &mut T, record| *held = reduce(held.clone(), record),
            |_: K, held: &T| held.clone(),
        );
        Self { fold: Box::new(fold), key: PhantomData }
    }
}

impl<K, T> Operator<T, T> for KeyedReduce<K, T> {
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.fold.open(context)
    }

    fn on_batch(&mut self, batch: &mut Batch<T>, output: &mut Output<T>) -> Result<()> {
        self.fold.on_batch(batch, output)
    }

    fn on_end(&mut self, output: &mut Output<T>) -> Result<()> {
        self.fold.on_end(output)
    }

    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, barrier: Barrier) -> Result<()> {
        self.fold.snapshot(snapshot, barrier)
    }
}
