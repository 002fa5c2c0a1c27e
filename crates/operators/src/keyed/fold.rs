//! An accumulator per key.
//!
//! Answers for every keyed aggregate: reductions, sums, counts, extremes are folds with their own functions.
//! Holds: in streaming mode each record emits its key's new result; in batch mode each key emits once, at the end,
//! and is gone from state then.

use std::hash::Hash;
use std::marker::PhantomData;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Barrier, Mode, Operator, OperatorContext, Output};
use millstream_dataflow::state::table::KeyedTable;
use millstream_dataflow::state::{KeyData, OperatorSnapshot, StateData, StateError};
use millstream_model::error::Result;
use millstream_model::key::hash::hash_of;

use super::table::OpenedTable;

/// Folds the records of each key into an accumulator and emits what a function reads from it.
///
/// The first record of a key makes the accumulator (`init`); `update` takes in each further one, and not the first.
///
/// ```
/// use millstream_operators::keyed::KeyedFold;
///
/// let count = KeyedFold::new(
///     |word: &String| word.clone(),
///     |_first: &String| 1u64,
///     |count: &mut u64, _word: String| *count += 1,
///     |word: String, count: &u64| (word, *count),
/// );
/// # let _ = count;
/// ```
pub struct KeyedFold<K, In, Acc, Out, S, I, U, R> {
    select: S,
    init: I,
    update: U,
    result: R,
    mode: Mode,
    table: OpenedTable<K, Acc>,
    types: PhantomData<fn(In) -> Out>,
}

impl<K, In, Acc, Out, S, I, U, R> KeyedFold<K, In, Acc, Out, S, I, U, R>
where
    K: KeyData + Hash,
    Acc: StateData,
    S: Fn(&In) -> K,
    I: Fn(&In) -> Acc,
    U: Fn(&mut Acc, In),
    R: Fn(K, &Acc) -> Out,
{
    /// A fold by the key that `select` finds. Its state is named `fold`.
    pub fn new(select: S, init: I, update: U, result: R) -> Self {
        Self::named("fold", select, init, update, result)
    }

    /// As [`KeyedFold::new`] with a name for the state.
    pub fn named(state: &'static str, select: S, init: I, update: U, result: R) -> Self {
        Self {
            select,
            init,
            update,
            result,
            mode: Mode::Streaming,
            table: OpenedTable::new(state),
            types: PhantomData,
        }
    }

    /// Takes each record into its key's accumulator, and replaces it by what `emit` makes of that.
    ///
    /// In two passes: the hashes of all keys first, so that little stands between two lookups, and the processor has
    /// several of them under way. A key that owns memory is kept from one pass to the other, one that does not is found
    /// again, for that is cheaper than to carry it.
    #[inline]
    fn fold<E>(&mut self, batch: &mut Batch<In>, emit: impl Fn(&R, K, &Acc) -> E) -> Result<Batch<E>> {
        let (select, init, update, result) = (&self.select, &self.init, &self.update, &self.result);
        let table = self.table.get()?;
        let change = |key: K, held: &mut Acc, record: In| {
            update(held, record);
            emit(result, key, held)
        };
        let make = |key: &K, record: In| {
            let held = init(&record);
            let emitted = emit(result, key.clone(), &held);
            (held, emitted)
        };
        // The writer moves into the loop's closure, so that the compiler knows that no entry lies in it.
        let emitted = if std::mem::needs_drop::<K>() {
            let prepared = batch.prepare(select, hash_of);
            prefetch(table, prepared.hashes());
            let mut writer = table.writer();
            prepared.map(move |hash, key, record| writer.change_or_insert(hash, key, record, &change, &make))
        } else {
            let prepared = batch.prepare_hashes(|record| hash_of(&select(record)));
            prefetch(table, prepared.hashes());
            let mut writer = table.writer();
            prepared.map(move |hash, record| {
                writer.change_or_insert(hash, select(&record), record, &change, &make)
            })
        };
        table.check().map_err(StateError::from)?;
        Ok(emitted)
    }
}

/// Fetches the entries of all keys of a batch, if they are likely to be far away.
#[inline]
fn prefetch<K: KeyData, V: StateData>(table: &KeyedTable<K, V>, hashes: impl Iterator<Item = u64>) {
    if table.outgrows_cache() {
        hashes.for_each(|hash| table.prefetch(hash));
    }
}

impl<K, In, Acc, Out, S, I, U, R> Operator<In, Out> for KeyedFold<K, In, Acc, Out, S, I, U, R>
where
    K: KeyData + Hash,
    Acc: StateData,
    S: Fn(&In) -> K,
    I: Fn(&In) -> Acc,
    U: Fn(&mut Acc, In),
    R: Fn(K, &Acc) -> Out,
{
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.mode = context.mode;
        self.table.open(context)
    }

    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        match self.mode {
            Mode::Streaming => output.forward(&mut self.fold(batch, |result, key, held| result(key, held))?),
            Mode::Batch => drop(self.fold(batch, |_, _, _| ())?),
        }
        Ok(())
    }

    fn on_end(&mut self, output: &mut Output<Out>) -> Result<()> {
        if self.mode == Mode::Batch {
            let result = &self.result;
            let table: &mut KeyedTable<K, Acc> = self.table.get()?;
            table.drain(|key, held| output.emit(result(key, &held)));
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, _: Barrier) -> Result<()> {
        self.table.snapshot(snapshot)
    }
}
