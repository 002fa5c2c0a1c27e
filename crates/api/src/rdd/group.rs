//! Transformations of pairs that bring all values of a key together.
//!
//! Holds: a value is copied once, out of the block that the shuffle keeps into the group that the user gets.

use std::borrow::Cow;
use std::hash::Hash;

use millstream_dataflow::lineage::VecPull;
use millstream_dataflow::state::{Detacher, KeyData, StateData};

use super::Rdd;
use super::hashed::{Hashed, Table, each_hashed, split};
use super::site::Site;

/// A key with all its values in two data sets.
pub type Cogrouped<K, V, W> = (K, (Vec<V>, Vec<W>));

impl<K: KeyData + Hash, V: StateData> Rdd<(K, V)> {
    /// All values of each key.
    #[track_caller]
    pub fn group_by_key(&self) -> Rdd<(K, Vec<V>)> {
        let name = "group_by_key";
        if self.partitions() == 1 {
            let (parent, site) = (self.clone(), Site::new(&self.engine, "MapPartitionsRdd", name, 1));
            return Rdd::new(&self.engine, site, vec![self.narrow()], None, move |at, task| {
                let (mut groups, mut detacher) = (Table::new(), Detacher::of::<V>());
                let mut input = parent.node.read(at, task)?;
                each_hashed(&mut *input, &site.calls(at), |(hash, key, value)| {
                    groups.slot(hash, Cow::<K>::Owned(key), Vec::new).push(detacher.own(value));
                })?;
                Ok(Box::new(grouped(groups)))
            })
            .encodable();
        }
        let reducers = self.reducers();
        let site = Site::new(&self.engine, "ShuffledRdd", name, reducers);
        let (shuffled, dependency) = self.shuffle_hashed(reducers);
        Rdd::new(&self.engine, site, vec![dependency], None, move |reducer, task| {
            let mut groups = Table::new();
            shuffled.each(reducer, task, &site.calls(reducer), |row: Cow<'_, Hashed<K, V>>| {
                let (hash, key, value) = split(row);
                groups.slot(hash, key, Vec::new).push(value.into_owned());
            })?;
            Ok(Box::new(grouped(groups)))
        })
        .encodable()
    }

    /// All values that each key has here and in `other`; none on a side where it is not.
    #[track_caller]
    pub fn cogroup<W: StateData>(&self, other: &Rdd<(K, W)>) -> Rdd<Cogrouped<K, V, W>> {
        let reducers = self.reducers().max(other.reducers());
        let site = Site::new(&self.engine, "CoGroupedRdd", "cogroup", reducers);
        let (left, of_left) = self.shuffle_hashed(reducers);
        let (right, of_right) = other.shuffle_hashed(reducers);
        Rdd::new(&self.engine, site, vec![of_left, of_right], None, move |reducer, task| {
            let (mut groups, calls) = (Table::<K, (Vec<V>, Vec<W>)>::new(), site.calls(reducer));
            left.each(reducer, task, &calls, |row: Cow<'_, Hashed<K, V>>| {
                let (hash, key, value) = split(row);
                groups.slot(hash, key, Default::default).0.push(value.into_owned());
            })?;
            right.each(reducer, task, &calls, |row: Cow<'_, Hashed<K, W>>| {
                let (hash, key, value) = split(row);
                groups.slot(hash, key, Default::default).1.push(value.into_owned());
            })?;
            Ok(Box::new(grouped(groups)))
        })
        .encodable()
    }
}

fn grouped<K: KeyData, G>(groups: Table<K, G>) -> VecPull<(K, G)> {
    let records: Vec<(K, G)> = groups.into_rows().map(|(_, key, group)| (key, group)).collect();
    VecPull::from(records)
}
