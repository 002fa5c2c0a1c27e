//! Transformations of pairs that bring equal keys together.
//!
//! Holds: a key is hashed once, in the map task; the hash travels with it.

use std::any::Any;
use std::hash::Hash;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use millstream_dataflow::lineage::{Block, Pull, Rows, ShuffleId, TaskContext, VecPull};
use millstream_dataflow::state::{KeyData, StateData};
use millstream_model::error::{Failure, Result};
use millstream_model::key::hash::hash_of;
use millstream_model::text::Text;

use super::Rdd;
use super::node::exchange;

/// A pair on its way, with the hash of its key.
pub(super) type Hashed<K, V> = (u64, K, V);

/// A key with all its values in two data sets.
pub type Cogrouped<K, V, W> = (K, (Vec<V>, Vec<W>));

/// The reducer of a key. Bits are used that tables use for neither place nor tag.
pub(super) fn reducer_of(hash: u64, reducers: usize) -> usize {
    ((u64::from((hash >> 16) as u32) * reducers as u64) >> 32) as usize
}

/// Lets go of the buffer that a key of text was read into.
pub(crate) fn detached<K: 'static>(mut key: K) -> K {
    if let Some(text) = (&mut key as &mut dyn Any).downcast_mut::<Text>() {
        *text = text.detach();
    }
    key
}

/// One entry a key; the value is only absent while it is being merged.
struct Table<K, C>(HashTable<(u64, K, Option<C>)>);

impl<K: Eq + 'static, C> Table<K, C> {
    fn new() -> Self {
        Self(HashTable::new())
    }

    fn merge<V>(
        &mut self,
        (hash, key, value): Hashed<K, V>,
        create: impl Fn(V) -> C,
        merge: impl Fn(C, V) -> C,
    ) {
        match self.0.entry(hash, |(of, other, _)| *of == hash && *other == key, |(hash, ..)| *hash) {
            Entry::Occupied(mut entry) => {
                let slot = &mut entry.get_mut().2;
                *slot = Some(match slot.take() {
                    Some(before) => merge(before, value),
                    None => create(value),
                });
            }
            Entry::Vacant(entry) => {
                entry.insert((hash, detached(key), Some(create(value))));
            }
        }
    }

    fn into_rows(self) -> impl Iterator<Item = Hashed<K, C>> {
        self.0.into_iter().filter_map(|(hash, key, value)| Some((hash, key, value?)))
    }
}

/// One block for each reducer.
fn blocks<K: KeyData, V: StateData>(
    rows: impl Iterator<Item = Hashed<K, V>>,
    reducers: usize,
) -> Vec<Arc<dyn Block>> {
    let mut buckets: Vec<Vec<Hashed<K, V>>> = (0..reducers).map(|_| Vec::new()).collect();
    rows.for_each(|row| buckets[reducer_of(row.0, reducers)].push(row));
    buckets.into_iter().map(|bucket| Arc::new(Rows(bucket)) as Arc<dyn Block>).collect()
}

fn each_hashed<K: Hash, V>(input: &mut dyn Pull<(K, V)>, mut take: impl FnMut(Hashed<K, V>)) -> Result<()> {
    while let Some(mut batch) = input.next()? {
        batch.drain().for_each(|(key, value)| take((hash_of(&key), key, value)));
    }
    Ok(())
}

/// All rows that the map tasks left for `reducer`.
pub(super) fn each_row<R: StateData>(
    shuffle: ShuffleId,
    maps: usize,
    reducer: usize,
    task: &TaskContext,
    mut take: impl FnMut(R),
) -> Result<()> {
    for map in 0..maps {
        let rows = Rows::<R>::of(task.blocks.shuffled(shuffle, map, reducer)?)?;
        rows.0.iter().cloned().for_each(&mut take);
    }
    Ok(())
}

impl<K: KeyData + Hash, V: StateData> Rdd<(K, V)> {
    /// The values of each key made one: `create` from the first, `merge` with each other one in the same map task,
    /// `combine` across map tasks.
    pub fn combine_by_key<C: StateData>(
        &self,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge: impl Fn(C, V) -> C + Send + Sync + 'static,
        combine: impl Fn(C, C) -> C + Send + Sync + 'static,
    ) -> Rdd<(K, C)> {
        let (parent, maps) = (self.clone(), self.partitions());
        let reducers = self.engine.slots().min(maps.max(1));
        let local = move |partition, task: &TaskContext| {
            let mut table = Table::new();
            each_hashed(&mut *parent.node.read(partition, task)?, |row| table.merge(row, &create, &merge))?;
            Ok::<_, Failure>(table)
        };
        if maps == 1 {
            // All equal keys already are in one place.
            return Rdd::new(
                &self.engine,
                "combine_by_key",
                1,
                vec![self.narrow()],
                None,
                move |at, task| Ok(pairs(local(at, task)?)),
            );
        }
        let (shuffle, dependency) = exchange(self, reducers, None, move |partition, task| {
            Ok(blocks(local(partition, task)?.into_rows(), reducers))
        });
        Rdd::new(&self.engine, "combine_by_key", reducers, vec![dependency], None, move |reducer, task| {
            let mut table = Table::new();
            each_row(shuffle, maps, reducer, task, |row: Hashed<K, C>| {
                table.merge(row, |value| value, &combine);
            })?;
            Ok(pairs(table))
        })
    }

    /// The values of each key, made one by `f`, first within each map task.
    pub fn reduce_by_key(&self, f: impl Fn(V, V) -> V + Send + Sync + 'static) -> Rdd<(K, V)> {
        let f = Arc::new(f);
        let merge = Arc::clone(&f);
        self.combine_by_key(|value| value, move |a, b| merge(a, b), move |a, b| f(a, b))
    }

    /// The values of each key folded into `zero` by `seq`, and these made one by `comb`.
    pub fn aggregate_by_key<C: StateData>(
        &self,
        zero: C,
        seq: impl Fn(C, V) -> C + Send + Sync + 'static,
        comb: impl Fn(C, C) -> C + Send + Sync + 'static,
    ) -> Rdd<(K, C)> {
        let seq = Arc::new(seq);
        let first = Arc::clone(&seq);
        self.combine_by_key(move |value| first(zero.clone(), value), move |sum, value| seq(sum, value), comb)
    }

    /// All values of each key.
    pub fn group_by_key(&self) -> Rdd<(K, Vec<V>)> {
        let one = |value| vec![value];
        let push = |mut all: Vec<V>, value| {
            all.push(value);
            all
        };
        self.combine_by_key(one, push, |mut all, mut more| {
            all.append(&mut more);
            all
        })
    }

    /// The pairs in `partitions` partitions (at least 1), equal keys together.
    pub fn partition_by(&self, partitions: usize) -> Rdd<(K, V)> {
        let (parent, maps, reducers) = (self.clone(), self.partitions(), partitions.max(1));
        let (shuffle, dependency) = exchange(self, reducers, None, move |partition, task| {
            let mut rows = Vec::new();
            each_hashed(&mut *parent.node.read(partition, task)?, |row| rows.push(row))?;
            Ok(blocks(rows.into_iter(), reducers))
        });
        Rdd::new(&self.engine, "partition_by", reducers, vec![dependency], None, move |reducer, task| {
            let mut records = Vec::new();
            each_row(shuffle, maps, reducer, task, |(_, key, value): Hashed<K, V>| {
                records.push((key, value));
            })?;
            Ok(Box::new(VecPull::from(records)))
        })
    }

    /// All values that each key has here and in `other`.
    pub fn cogroup<W: StateData>(&self, other: &Rdd<(K, W)>) -> Rdd<Cogrouped<K, V, W>> {
        let here = self.map_values(|value| (Some(value), None));
        let there = other.map_values(|value| (None, Some(value)));
        here.union(&there).combine_by_key(
            |(left, right)| (Vec::from_iter(left), Vec::from_iter(right)),
            |(mut lefts, mut rights), (left, right)| {
                lefts.extend(left);
                rights.extend(right);
                (lefts, rights)
            },
            |(mut lefts, mut rights), (mut left, mut right)| {
                lefts.append(&mut left);
                rights.append(&mut right);
                (lefts, rights)
            },
        )
    }

    /// Each pair of values that a key has here and in `other`.
    pub fn join<W: StateData>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (V, W))> {
        self.cogroup(other).flat_map(|(key, (lefts, rights))| {
            let mut pairs = Vec::with_capacity(lefts.len() * rights.len());
            for left in &lefts {
                pairs.extend(rights.iter().map(|right| (key.clone(), (left.clone(), right.clone()))));
            }
            pairs
        })
    }
}

fn pairs<K: KeyData, C: StateData>(table: Table<K, C>) -> Box<dyn Pull<(K, C)>> {
    let records: Vec<(K, C)> = table.into_rows().map(|(_, key, value)| (key, value)).collect();
    Box::new(VecPull::from(records))
}

impl<T: KeyData + Hash> Rdd<T> {
    /// Each record once.
    pub fn distinct(&self) -> Rdd<T> {
        self.map(|record| (record, ())).reduce_by_key(|(), ()| ()).map(|(record, ())| record)
    }
}
