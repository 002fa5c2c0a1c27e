//! Sorting: bounds from a sample of the keys, a shuffle by range, a sort within each partition.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use millstream_dataflow::lineage::{Block, Rows, VecPull, drain};
use millstream_dataflow::state::StateData;

use super::Rdd;
use super::node::exchange;
use super::shuffled::each_row;

/// How many keys of each partition are looked at for each reducer.
const SAMPLE: usize = 64;

fn order<K: Ord>(a: &K, b: &K, ascending: bool) -> Ordering {
    if ascending { a.cmp(b) } else { b.cmp(a) }
}

impl<K: StateData + Ord, V: StateData> Rdd<(K, V)> {
    /// The pairs in the order of their keys, within and across partitions.
    pub fn sort_by_key(&self, ascending: bool) -> Rdd<(K, V)> {
        let (parent, maps) = (self.clone(), self.partitions());
        let reducers = self.engine.slots().min(maps.max(1));
        if maps == 1 {
            return Rdd::new(&self.engine, "sort_by_key", 1, vec![self.narrow()], None, move |at, task| {
                let mut records = drain(&mut *parent.node.read(at, task)?)?;
                records.sort_by(|a, b| order(&a.0, &b.0, ascending));
                Ok(Box::new(VecPull::from(records)))
            });
        }
        let bounds: Arc<OnceLock<Vec<K>>> = Arc::default();
        let (sampled, found) = (self.clone(), Arc::clone(&bounds));
        let prepare = move || {
            if found.get().is_some() {
                return Ok(());
            }
            let all: Vec<usize> = (0..maps).collect();
            let samples = sampled.engine.run(&sampled.node, &all, move |mut records, _| {
                // Every key of a partition that has few; of a long one, fewer and fewer as it goes on.
                let (mut keys, mut step, mut at) = (Vec::new(), 1, 0usize);
                while let Some(mut batch) = records.next()? {
                    for (key, _) in batch.drain() {
                        if at.is_multiple_of(step) {
                            keys.push(key);
                        }
                        at += 1;
                        if keys.len() >= 2 * SAMPLE * reducers {
                            let mut odd = false;
                            keys.retain(|_| {
                                odd = !odd;
                                odd
                            });
                            step *= 2;
                        }
                    }
                }
                Ok((keys, step))
            })?;
            // A key stands for as many records as its partition's step.
            let mut keys: Vec<(K, usize)> = samples
                .into_iter()
                .flat_map(|(keys, step)| keys.into_iter().map(move |key| (key, step)))
                .collect();
            keys.sort_by(|a, b| order(&a.0, &b.0, ascending));
            let total: usize = keys.iter().map(|(_, weight)| weight).sum();
            let (mut cuts, mut passed) = (Vec::new(), 0);
            for (key, weight) in keys {
                if cuts.len() + 1 < reducers && passed >= total * (cuts.len() + 1) / reducers {
                    cuts.push(key);
                }
                passed += weight;
            }
            let _raced = found.set(cuts);
            Ok(())
        };
        let (shuffle, dependency) = exchange(self, reducers, Some(Box::new(prepare)), move |at, task| {
            let cuts = bounds.get().map_or(&[][..], Vec::as_slice);
            let mut buckets: Vec<Vec<(K, V)>> = (0..reducers).map(|_| Vec::new()).collect();
            let mut input = parent.node.read(at, task)?;
            while let Some(mut batch) = input.next()? {
                for pair in batch.drain() {
                    let to = cuts.partition_point(|cut| order(cut, &pair.0, ascending).is_le());
                    buckets[to].push(pair);
                }
            }
            Ok(buckets.into_iter().map(|bucket| Arc::new(Rows(bucket)) as Arc<dyn Block>).collect())
        });
        Rdd::new(&self.engine, "sort_by_key", reducers, vec![dependency], None, move |reducer, task| {
            let mut records = Vec::new();
            each_row(shuffle, maps, reducer, task, |pair: (K, V)| records.push(pair))?;
            records.sort_by(|a, b| order(&a.0, &b.0, ascending));
            Ok(Box::new(VecPull::from(records)))
        })
    }
}

impl<T: StateData> Rdd<T> {
    /// The records in the order of what `f` finds for each, within and across partitions.
    pub fn sort_by<K: StateData + Ord>(
        &self,
        f: impl Fn(&T) -> K + Send + Sync + 'static,
        ascending: bool,
    ) -> Rdd<T> {
        self.key_by(f).sort_by_key(ascending).map(|(_, record)| record)
    }
}
