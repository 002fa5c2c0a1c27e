//! Shuffling pairs by the hash of their keys.
//!
//! Holds: a key is hashed once, in the map task; where it is needed again, the hash travels with it.

use std::borrow::Cow;
use std::hash::Hash;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use millstream_dataflow::lineage::{Dependency, Pull};
use millstream_dataflow::state::{KeyData, StateData, detached};
use millstream_model::error::Result;
use millstream_model::key::hash::hash_of;

use super::Rdd;
use super::buckets::Buckets;
use super::node::exchange;
use super::shuffled::Shuffled;
use super::site::Calls;

/// A pair on its way, with the hash of its key.
pub(super) type Hashed<K, V> = (u64, K, V);

/// The reducer of a key. Bits are used that tables use for neither place nor tag.
pub(super) fn reducer_of(hash: u64, reducers: usize) -> usize {
    ((u64::from((hash >> 16) as u32) * reducers as u64) >> 32) as usize
}

/// One slot for each key.
pub(super) struct Table<K, S>(HashTable<(u64, K, S)>);

impl<K: Eq + Clone + 'static, S> Table<K, S> {
    pub(super) fn new() -> Self {
        Self(HashTable::new())
    }

    /// The slot of a key, `new` if it had none.
    #[inline]
    pub(super) fn slot(&mut self, hash: u64, key: Cow<'_, K>, new: impl FnOnce() -> S) -> &mut S {
        match self.0.entry(hash, |(of, other, _)| *of == hash && *other == *key, |(hash, ..)| *hash) {
            Entry::Occupied(entry) => &mut entry.into_mut().2,
            Entry::Vacant(entry) => &mut entry.insert((hash, detached(key.into_owned()), new())).into_mut().2,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Hashed<K, S>> {
        self.0.iter()
    }

    /// Lets go of the keys whose hashes `keep` is false for.
    pub(super) fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.0.retain(|(hash, ..)| keep(*hash));
    }

    pub(super) fn into_rows(self) -> impl Iterator<Item = Hashed<K, S>> {
        self.0.into_iter()
    }
}

/// A row's parts, lent or given as the row was.
#[inline]
pub(super) fn split<K: Clone, V: Clone>(row: Cow<'_, Hashed<K, V>>) -> (u64, Cow<'_, K>, Cow<'_, V>) {
    match row {
        Cow::Borrowed((hash, key, value)) => (*hash, Cow::Borrowed(key), Cow::Borrowed(value)),
        Cow::Owned((hash, key, value)) => (hash, Cow::Owned(key), Cow::Owned(value)),
    }
}

/// Hands `take` every pair with the hash of its key.
pub(super) fn each_hashed<K: Hash, V>(
    input: &mut dyn Pull<(K, V)>,
    calls: &Calls,
    mut take: impl FnMut(Hashed<K, V>),
) -> Result<()> {
    while let Some(mut batch) = input.next()? {
        calls.over(&mut batch, |batch| {
            batch.drain().for_each(|(key, value)| take((hash_of(&key), key, value)));
        })?;
    }
    Ok(())
}

impl<K: KeyData + Hash, V: StateData> Rdd<(K, V)> {
    /// A shuffle of all pairs, by the hashes of their keys, which travel with them.
    pub(super) fn shuffle_hashed(&self, reducers: usize) -> (Shuffled<Hashed<K, V>>, Dependency) {
        let (parent, maps) = (self.clone(), self.partitions());
        let (id, dependency) = exchange(self, move |id, partition, task| {
            let mut buckets = Buckets::new(task, id, reducers);
            let mut input = parent.node.read(partition, task)?;
            while let Some(mut batch) = input.next()? {
                for (key, value) in batch.drain() {
                    let hash = hash_of(&key);
                    buckets.push(reducer_of(hash, reducers), (hash, key, value));
                }
                buckets.settle()?;
            }
            buckets.into_blocks()
        });
        (Shuffled::new(id, maps), dependency)
    }
}
