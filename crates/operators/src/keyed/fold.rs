//! An accumulator per key.
//!
//! Answers for every keyed aggregate: reductions, sums, counts, extremes are folds with their own functions.
//! Holds: in streaming mode each record emits its key's new result; in batch mode each key emits once, at the end,
//! and is gone from state then.

use std::hash::Hash;
use std::marker::PhantomData;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Barrier, Mode, Operator, OperatorContext, Output};
use millstream_dataflow::state::error::ForeignKey;
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
///     |word: &String, count: &u64| (word.clone(), *count),
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
    /// The hashes of the current batch, where the exchange found them.
    hashes: Vec<u64>,
    types: PhantomData<fn(In) -> Out>,
}

impl<K, In, Acc, Out, S, I, U, R> KeyedFold<K, In, Acc, Out, S, I, U, R>
where
    K: KeyData + Hash,
    Acc: StateData,
    S: Fn(&In) -> K,
    I: Fn(&In) -> Acc,
    U: Fn(&mut Acc, In),
    R: Fn(&K, &Acc) -> Out,
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
            hashes: Vec::new(),
            types: PhantomData,
        }
    }

    /// Gives the batch's hashes, if it has them, or else hashes each key, to the loop of the mode.
    fn fold(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<Option<ForeignKey>> {
        self.hashes.clear();
        self.hashes.extend_from_slice(batch.hashes());
        batch.drop_hashes();
        let mut known = std::mem::take(&mut self.hashes);
        let mut next = known.iter();
        let foreign = match (self.mode, known.is_empty()) {
            (Mode::Streaming, true) => self.each(batch, output, hash_of),
            (Mode::Streaming, false) => {
                self.each(batch, output, |key| next.next().copied().unwrap_or_else(|| hash_of(key)))
            }
            (Mode::Batch, true) => self.silent(batch, hash_of),
            (Mode::Batch, false) => {
                self.silent(batch, |key| next.next().copied().unwrap_or_else(|| hash_of(key)))
            }
        };
        known.clear();
        self.hashes = known;
        foreign
    }

    /// Replaces each record by its key's new result, in place.
    #[inline]
    fn each(
        &mut self,
        batch: &mut Batch<In>,
        output: &mut Output<Out>,
        mut hash: impl FnMut(&K) -> u64,
    ) -> Result<Option<ForeignKey>> {
        let (select, init, update, result) = (&self.select, &self.init, &self.update, &self.result);
        let table = self.table.get()?;
        let mut foreign = None;
        let mut results = batch.map(|record| {
            let key = select(&record);
            let mut is_first = false;
            let held = table.get_or_insert_ref(hash(&key), &key, || {
                is_first = true;
                init(&record)
            });
            match held {
                Ok(held) => {
                    if !is_first {
                        update(held, record);
                    }
                    result(&key, held)
                }
                Err(error) => {
                    // The batch fails as a whole; what stands here is not handed on.
                    foreign = Some(error);
                    result(&key, &init(&record))
                }
            }
        });
        if foreign.is_none() {
            output.forward(&mut results);
        }
        Ok(foreign)
    }

    /// Takes each record in and emits nothing.
    #[inline]
    fn silent(
        &mut self,
        batch: &mut Batch<In>,
        mut hash: impl FnMut(&K) -> u64,
    ) -> Result<Option<ForeignKey>> {
        let table = self.table.get()?;
        for record in batch.drain() {
            let key = (self.select)(&record);
            let mut is_first = false;
            let held = table.get_or_insert_with(hash(&key), key, || {
                is_first = true;
                (self.init)(&record)
            });
            match held {
                Ok(held) if !is_first => (self.update)(held, record),
                Ok(_) => {}
                Err(foreign) => return Ok(Some(foreign)),
            }
        }
        Ok(None)
    }
}

impl<K, In, Acc, Out, S, I, U, R> Operator<In, Out> for KeyedFold<K, In, Acc, Out, S, I, U, R>
where
    K: KeyData + Hash,
    Acc: StateData,
    S: Fn(&In) -> K,
    I: Fn(&In) -> Acc,
    U: Fn(&mut Acc, In),
    R: Fn(&K, &Acc) -> Out,
{
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.mode = context.mode;
        self.table.open(context)
    }

    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        match self.fold(batch, output)? {
            Some(foreign) => Err(StateError::from(foreign).into()),
            None => Ok(()),
        }
    }

    fn on_end(&mut self, output: &mut Output<Out>) -> Result<()> {
        if self.mode == Mode::Batch {
            let result = &self.result;
            let table: &mut KeyedTable<K, Acc> = self.table.get()?;
            table.drain(|key, held| output.emit(result(&key, &held)));
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, _: Barrier) -> Result<()> {
        self.table.snapshot(snapshot)
    }
}
