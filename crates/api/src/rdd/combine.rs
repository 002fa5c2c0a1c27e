//! Transformations of pairs that make one value of all values of a key.
//!
//! Holds: values are combined within each map task first, and only what is left of them is shuffled; where there are
//! several map tasks, no table takes more than half of its task's share of the memory for shuffles.

use std::borrow::Cow;
use std::hash::Hash;
use std::sync::Arc;

use millstream_dataflow::lineage::{Pull, TaskContext, VecPull};
use millstream_dataflow::state::{KeyData, StateData, may_hold_text};
use millstream_model::error::{Failure, Result};
use millstream_model::key::hash::hash_of;
use millstream_model::text::Text;

use super::Rdd;
use super::buckets::Buckets;
use super::hashed::{Hashed, Table, reducer_of};
use super::node::exchange;
use super::passes::{CombinePull, Room};
use super::shuffled::Shuffled;
use super::site::Site;

/// The value of each key; absent only while it is being combined with another.
pub(super) type Combined<K, C> = Table<K, Option<C>>;

pub(super) fn rows<K: KeyData, C: StateData>(table: Combined<K, C>) -> impl Iterator<Item = Hashed<K, C>> {
    table.into_rows().filter_map(|(hash, key, value)| Some((hash, key, value?)))
}

fn pairs<K: KeyData, C: StateData>(table: Combined<K, C>) -> Box<dyn Pull<(K, C)>> {
    let records: Vec<(K, C)> = rows(table).map(|(_, key, value)| (key, value)).collect();
    Box::new(VecPull::from(records))
}

/// Called after each batch, to write down a table that has become too large.
type Settle<'a, K, C> = &'a mut dyn FnMut(&mut Combined<K, C>) -> Result<()>;

/// The functions of a combination by key.
struct Combiner<F, G, H> {
    create: F,
    merge: G,
    combine: H,
}

impl<K: KeyData + Hash, V: StateData> Rdd<(K, V)> {
    /// The values of each key made one: `create` from the first, `merge` with each other one in the same map task,
    /// `combine` across map tasks.
    #[track_caller]
    pub fn combine_by_key<C: StateData>(
        &self,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge: impl Fn(C, V) -> C + Send + Sync + 'static,
        combine: impl Fn(C, C) -> C + Send + Sync + 'static,
    ) -> Rdd<(K, C)> {
        self.combined("combine_by_key", Combiner { create, merge, combine })
    }

    #[track_caller]
    fn combined<C: StateData>(
        &self,
        name: &'static str,
        functions: Combiner<
            impl Fn(V) -> C + Send + Sync + 'static,
            impl Fn(C, V) -> C + Send + Sync + 'static,
            impl Fn(C, C) -> C + Send + Sync + 'static,
        >,
    ) -> Rdd<(K, C)> {
        let Combiner { create, merge, combine } = functions;
        let (parent, maps) = (self.clone(), self.partitions());
        let local = move |site: Site, partition, task: &TaskContext, settle: Settle<'_, K, C>| {
            let (mut table, calls) = (Combined::new(), site.calls(partition));
            // What is combined would keep whole read buffers alive for the words that it took out of values.
            let keeps_text = may_hold_text::<C>();
            let mut input = parent.node.read(partition, task)?;
            while let Some(mut batch) = input.next()? {
                calls.over(&mut batch, |batch| {
                    for (key, value) in batch.drain() {
                        let value = if keeps_text { Text::detached_clone(&value) } else { value };
                        let slot = table.slot(hash_of(&key), Cow::<K>::Owned(key), || None);
                        *slot = Some(match slot.take() {
                            Some(before) => merge(before, value),
                            None => create(value),
                        });
                    }
                })?;
                settle(&mut table)?;
            }
            Ok::<_, Failure>(table)
        };
        if maps == 1 {
            // All equal keys already are in one place.
            let site = Site::new(&self.engine, "MapPartitionsRdd", name, 1);
            return Rdd::new(&self.engine, site, vec![self.narrow()], None, move |at, task| {
                Ok(pairs(local(site, at, task, &mut |_| Ok(()))?))
            })
            .encodable();
        }
        let reducers = self.reducers();
        let site = Site::new(&self.engine, "ShuffledRdd", name, reducers);
        let map_site = Site { partitions: maps, ..site };
        let (id, dependency) = exchange(self, move |id, partition, task| {
            let (mut buckets, mut room) = (Buckets::new(task, id, reducers), Room::of(task));
            let table = local(map_site, partition, task, &mut |table| {
                if room.is_outgrown_by(table) {
                    // What comes later of these keys is another row of theirs, which the reducer combines.
                    rows(std::mem::replace(table, Combined::new()))
                        .for_each(|row| buckets.push_own(reducer_of(row.0, reducers), row));
                    room.made(0);
                    buckets.settle()?;
                }
                Ok(())
            })?;
            rows(table).for_each(|row| buckets.push_own(reducer_of(row.0, reducers), row));
            buckets.into_blocks()
        });
        let (shuffled, combine) = (Shuffled::new(id, maps), Arc::new(combine));
        Rdd::new(&self.engine, site, vec![dependency], None, move |reducer, task| {
            let combine = Arc::clone(&combine);
            Ok(Box::new(CombinePull::new(shuffled, reducer, task, site, move |a, b| combine(a, b))))
        })
        .encodable()
    }

    /// The values of each key, made one by `f`, first within each map task.
    #[track_caller]
    pub fn reduce_by_key(&self, f: impl Fn(V, V) -> V + Send + Sync + 'static) -> Rdd<(K, V)> {
        self.reduced("reduce_by_key", f)
    }

    #[track_caller]
    pub(super) fn reduced(
        &self,
        name: &'static str,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
    ) -> Rdd<(K, V)> {
        let combine = Arc::new(f);
        let f = Arc::clone(&combine);
        self.combined(
            name,
            Combiner {
                create: |value| value,
                merge: move |a, b| f(a, b),
                combine: move |a, b| combine(a, b),
            },
        )
    }

    /// The values of each key folded into `zero` by `seq` in each map task, and these made one by `comb`.
    #[track_caller]
    pub fn aggregate_by_key<C: StateData>(
        &self,
        zero: C,
        seq: impl Fn(C, V) -> C + Send + Sync + 'static,
        comb: impl Fn(C, C) -> C + Send + Sync + 'static,
    ) -> Rdd<(K, C)> {
        let merge = Arc::new(seq);
        let seq = Arc::clone(&merge);
        self.combined(
            "aggregate_by_key",
            Combiner {
                create: move |value| seq(zero.clone(), value),
                merge: move |sum, value| merge(sum, value),
                combine: comb,
            },
        )
    }
}

impl<T: KeyData + Hash> Rdd<T> {
    /// Each record once.
    #[track_caller]
    pub fn distinct(&self) -> Rdd<T> {
        self.mapped("distinct", |record| (record, ()))
            .reduced("distinct", |(), ()| ())
            .mapped("distinct", |(record, ())| record)
    }
}
