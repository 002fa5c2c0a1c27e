//! A stream whose records of one key come together.

use std::hash::Hash;
use std::ops::AddAssign;
use std::sync::Arc;

use millstream_dataflow::exchange::Combiner;
use millstream_dataflow::operator::Operator;
use millstream_dataflow::state::{KeyData, StateData, detached, may_hold_text};
use millstream_model::key::hash::hash_of;
use millstream_model::record::Record;
use millstream_model::text::Text;
use millstream_operators::keyed::{KeyedFold, KeyedProcess, KeyedProcessFunction, KeyedReduce};
use millstream_operators::window::WindowAssigner;

use super::{DataStream, WindowedStream};

/// A key selector behind a pointer, for a [`KeyedStream`] whose type is to be written down.
pub type KeyFn<K, T> = Box<dyn Fn(&T) -> K + Send + Sync>;

/// A stream keyed by `K`. The last parameter is the key selector; `boxed()` hides it where the type must be written.
///
/// ```
/// use millstream::{DataStream, KeyedStream, StreamEnvironment};
///
/// fn totals(words: KeyedStream<String, (String, u64)>) -> DataStream<(String, u64)> {
///     words.sum(|word| &mut word.1)
/// }
///
/// let env = StreamEnvironment::new();
/// let words = env.from_collection([("a".to_string(), 1), ("b".to_string(), 1), ("a".to_string(), 1)]);
/// let counts = totals(words.key_by(|word| word.0.clone()).boxed()).execute_and_collect("words")?;
/// assert_eq!(counts, [("a".to_string(), 1), ("b".to_string(), 1), ("a".to_string(), 2)]);
/// # Ok::<(), millstream::Failure>(())
/// ```
///
/// A keyed stream goes where its keys go; another partitioning would tear keys apart, and is no program. It belongs in
/// front of the key, where it is of no use, or behind the operator:
///
/// ```compile_fail,E0599
/// # use millstream::StreamEnvironment;
/// let rows = StreamEnvironment::new().from_collection([('a', 1), ('b', 2)]);
/// let counts = rows.key_by(|row| row.0).rebalance().count();
/// ```
///
/// ```
/// # use millstream::StreamEnvironment;
/// let rows = StreamEnvironment::new().from_collection([('a', 1), ('b', 2)]);
/// let counts = rows.key_by(|row| row.0).count().rebalance();
/// ```
///
/// A record that goes where its key goes may go to another process, and be kept there: it can be written down.
///
/// ```compile_fail,E0277
/// # use millstream::StreamEnvironment;
/// #[derive(Clone)]
/// struct Row(char, u64);
/// let rows = StreamEnvironment::new().from_sequence(1, 3).map(|n| Row('a', n));
/// let last = rows.key_by(|row| row.0).reduce(|_, row| row);
/// ```
///
/// ```
/// # use millstream::StreamEnvironment;
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Row(char, u64);
/// let rows = StreamEnvironment::new().from_sequence(1, 3).map(|n| Row('a', n));
/// let last = rows.key_by(|row| row.0).reduce(|_, row| row);
/// ```
pub struct KeyedStream<K, T, S = KeyFn<K, T>> {
    stream: DataStream<T>,
    select: Arc<S>,
    key: std::marker::PhantomData<fn() -> K>,
}

impl<K, T, S> KeyedStream<K, T, S>
where
    K: KeyData + Hash,
    T: StateData,
    S: Fn(&T) -> K + Send + Sync + 'static,
{
    pub(super) fn new(stream: DataStream<T>, select: Arc<S>) -> Self {
        let own = select.clone();
        let stream = stream.keyed_by_hash(move |record| hash_of(&own(record)));
        Self { stream, select, key: std::marker::PhantomData }
    }

    /// The same stream with a type that can be written down; finding a key costs a dynamic call from here on.
    pub fn boxed(self) -> KeyedStream<K, T> {
        let select = self.select;
        let boxed: KeyFn<K, T> = Box::new(move |record| select(record));
        KeyedStream { stream: self.stream, select: Arc::new(boxed), key: self.key }
    }

    fn keyed<Out: Record>(
        &self,
        name: &str,
        make: impl Fn(Arc<S>) -> Box<dyn Operator<T, Out>> + Send + Sync + 'static,
    ) -> DataStream<Out> {
        let select = self.select.clone();
        self.stream.transform(name, true, move |_| make(select.clone()))
    }

    /// Folds the records of each key into an accumulator, which `init` makes of the first and `update` adds the others
    /// to, and emits what `result` makes of it: with each update when
    /// streaming, once for each key at the end in batch mode.
    pub fn fold<Acc: StateData, Out: Record>(
        &self,
        init: impl Fn(&T) -> Acc + Send + Sync + 'static,
        update: impl Fn(&mut Acc, T) + Send + Sync + 'static,
        result: impl Fn(&K, &Acc) -> Out + Send + Sync + 'static,
    ) -> DataStream<Out> {
        // An accumulator that holds text would keep whole read buffers alive for the words that it took out of records.
        let keeps_text = may_hold_text::<Acc>();
        let init = move |record: &T| if keeps_text { detached(init(record)) } else { init(record) };
        let update = move |acc: &mut Acc, record: T| {
            update(acc, if keeps_text { Text::detached_clone(&record) } else { record });
        };
        self.fold_named("fold", init, update, move |key, acc| result(&key, acc))
    }

    fn fold_named<Acc: StateData, Out: Record>(
        &self,
        name: &'static str,
        init: impl Fn(&T) -> Acc + Send + Sync + 'static,
        update: impl Fn(&mut Acc, T) + Send + Sync + 'static,
        result: impl Fn(K, &Acc) -> Out + Send + Sync + 'static,
    ) -> DataStream<Out> {
        let functions = Arc::new((init, update, result));
        self.keyed(name, move |select| {
            let (init, update, result) = (functions.clone(), functions.clone(), functions.clone());
            Box::new(KeyedFold::named(
                name,
                move |record: &T| select(record),
                move |record: &T| (init.0)(record),
                move |acc: &mut Acc, record: T| (update.1)(acc, record),
                move |key: K, acc: &Acc| (result.2)(key, acc),
            ))
        })
    }

    /// The number of records of each key.
    pub fn count(&self) -> DataStream<(K, u64)> {
        self.fold_named("count", |_| 1_u64, |count, _| *count += 1, |key, count| (key, *count)).encoded()
    }

    /// Runs a function with state and timers over each key's records; each subtask has one that `make` makes. It may give
    /// an error for a record; see [`DataStream::on_error`].
    pub fn process<Out: Record, P: KeyedProcessFunction<K, T, Out> + 'static>(
        &self,
        make: impl Fn() -> P + Send + Sync + 'static,
    ) -> DataStream<Out> {
        let select = self.select.clone();
        self.stream.transform_rejecting("process", true, move |sides| {
            Box::new(KeyedProcess::new(select.clone(), &make).with_sides(sides.clone()))
        })
    }

    /// Cuts each key's records into windows.
    pub fn window(&self, assigner: WindowAssigner) -> WindowedStream<K, T, S> {
        WindowedStream::new(self.stream.clone(), self.select.clone(), assigner)
    }
}

impl<K, T, S> KeyedStream<K, T, S>
where
    K: KeyData + Hash,
    T: StateData,
    S: Fn(&T) -> K + Send + Sync + 'static,
{
    /// This stream, of which records of one key are made one by `merge` before they are sent, in batch mode.
    fn combined(&self, merge: impl Fn(T, T) -> T + Send + Sync + 'static) -> Self {
        let stream = self.stream.combined(Combiner::factory(self.select.clone(), merge));
        Self { stream, select: self.select.clone(), key: self.key }
    }

    /// A fold of records into a record, which is what comes out of it.
    fn fold_records(
        &self,
        name: &'static str,
        update: impl Fn(&mut T, T) + Send + Sync + 'static,
    ) -> DataStream<T> {
        let update = Arc::new(update);
        let merge = update.clone();
        let combined = self.combined(move |mut held, record| {
            merge(&mut held, record);
            held
        });
        let init = |record: &T| detached(record.clone());
        let folded =
            combined.fold_named(name, init, move |held, record| update(held, record), |_, held| held.clone());
        folded.encoded()
    }

    /// Reduces the records of each key to one. `f` has to be associative: in batch mode it is given partial results too.
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> DataStream<T> {
        let keeps_text = may_hold_text::<T>();
        let f = Arc::new(move |held, record| {
            let reduced = f(held, record);
            if keeps_text { Text::detached_clone(&reduced) } else { reduced }
        });
        let merge = f.clone();
        let combined = self.combined(move |held, record| merge(held, record));
        combined.keyed("reduce", move |select| Box::new(KeyedReduce::new(select, f.clone()))).encoded()
    }

    /// Sums a field; the others keep the values of the key's first record.
    pub fn sum<N>(&self, field: impl Fn(&mut T) -> &mut N + Send + Sync + 'static) -> DataStream<T>
    where
        N: AddAssign + Copy + 'static,
    {
        let update = move |held: &mut T, mut record: T| *field(held) += *field(&mut record);
        self.fold_records("sum", update)
    }

    /// The least value of a field; the others keep the values of the key's first record.
    pub fn min<N: PartialOrd + 'static>(
        &self,
        field: impl Fn(&mut T) -> &mut N + Send + Sync + 'static,
    ) -> DataStream<T> {
        self.extreme("min", field, |new, held| new < held)
    }

    /// The greatest value of a field; the others keep the values of the key's first record.
    pub fn max<N: PartialOrd + 'static>(
        &self,
        field: impl Fn(&mut T) -> &mut N + Send + Sync + 'static,
    ) -> DataStream<T> {
        self.extreme("max", field, |new, held| new > held)
    }

    /// Takes the field of a record that `wins` against what is held.
    fn extreme<N: 'static>(
        &self,
        name: &'static str,
        field: impl Fn(&mut T) -> &mut N + Send + Sync + 'static,
        wins: impl Fn(&N, &N) -> bool + Send + Sync + 'static,
    ) -> DataStream<T> {
        let keeps_text = may_hold_text::<T>();
        let update = move |held: &mut T, mut record: T| {
            if wins(field(&mut record), field(held)) {
                let mut winner = if keeps_text { Text::detached_clone(&record) } else { record };
                std::mem::swap(field(&mut winner), field(held));
            }
        };
        self.fold_records(name, update)
    }

    /// The record with the least value of `by`; of equal ones the first.
    pub fn min_by<N: PartialOrd>(&self, by: impl Fn(&T) -> N + Send + Sync + 'static) -> DataStream<T> {
        self.extreme_by("min_by", move |new, held| by(new) < by(held))
    }

    /// The record with the greatest value of `by`; of equal ones the first.
    pub fn max_by<N: PartialOrd>(&self, by: impl Fn(&T) -> N + Send + Sync + 'static) -> DataStream<T> {
        self.extreme_by("max_by", move |new, held| by(new) > by(held))
    }

    /// Takes a record that `wins` against the one that is held.
    fn extreme_by(
        &self,
        name: &'static str,
        wins: impl Fn(&T, &T) -> bool + Send + Sync + 'static,
    ) -> DataStream<T> {
        let keeps_text = may_hold_text::<T>();
        let update = move |held: &mut T, record: T| {
            if wins(&record, held) {
                *held = if keeps_text { Text::detached_clone(&record) } else { record };
            }
        };
        self.fold_records(name, update)
    }
}
