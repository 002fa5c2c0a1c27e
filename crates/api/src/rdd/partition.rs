//! Transformations of the partitions themselves.

use std::hash::Hash;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::{Pull, TaskContext};
use millstream_dataflow::state::{KeyData, StateData};
use millstream_model::error::Result;
use millstream_model::key::hash::hash_of;
use millstream_model::record::Record;

use super::Rdd;
use super::buckets::{Buckets, blocks};
use super::context::Context;
use super::hashed::reducer_of;
use super::node::exchange;
use super::shuffled::Shuffled;
use super::site::Site;

/// Several partitions of a data set, one after the other.
struct Chain<T> {
    parent: Rdd<T>,
    rest: Range<usize>,
    task: TaskContext,
    current: Option<Box<dyn Pull<T>>>,
}

impl<T: Record> Pull<T> for Chain<T> {
    fn next(&mut self) -> Result<Option<Batch<T>>> {
        loop {
            if let Some(current) = &mut self.current
                && let Some(batch) = current.next()?
            {
                return Ok(Some(batch));
            }
            let Some(partition) = self.rest.next() else { return Ok(None) };
            self.current = Some(self.parent.node.read(partition, &self.task)?);
        }
    }
}

impl<T: Record> Rdd<T> {
    /// All records here and in `other`.
    #[track_caller]
    pub fn union(&self, other: &Rdd<T>) -> Rdd<T> {
        Context { engine: Arc::clone(&self.engine) }.union(&[self.clone(), other.clone()])
    }

    /// The records in at most `partitions` partitions (at least 1), each made of neighbours, without a shuffle.
    #[track_caller]
    pub fn coalesce(&self, partitions: usize) -> Rdd<T> {
        let (parent, from) = (self.clone(), self.partitions());
        let to = partitions.max(1).min(from);
        let site = Site::new(&self.engine, "CoalescedRdd", "coalesce", to);
        Rdd::new(&self.engine, site, vec![self.narrow()], None, move |partition, task| {
            let rest = from * partition / to..from * (partition + 1) / to;
            Ok(Box::new(Chain { parent: parent.clone(), rest, task: task.clone(), current: None }))
        })
    }

    /// Each record with its number, in the order of the partitions. Counts all but the last partition first, if there
    /// are several.
    #[track_caller]
    pub fn zip_with_index(&self) -> Rdd<(T, u64)> {
        let starts: Arc<OnceLock<Vec<u64>>> = Arc::default();
        let (counted, found, count) = (self.clone(), Arc::clone(&starts), self.partitions());
        let prepare = move || {
            if found.get().is_none() {
                let all_but_last: Vec<usize> = (0..count.saturating_sub(1)).collect();
                let counts = counted.count_in(&all_but_last)?;
                let starts = std::iter::once(0).chain(counts.into_iter().scan(0, |sum, count| {
                    *sum += count;
                    Some(*sum)
                }));
                let _raced = found.set(starts.collect());
            }
            Ok(())
        };
        let (kind, name) = ("ZippedWithIndexRdd", "zip_with_index");
        self.partitions_mapped(kind, name, Some(Box::new(prepare)), move |partition, records| {
            let start = starts.get().and_then(|starts| starts.get(partition)).copied().unwrap_or(0);
            records.zip(start..)
        })
    }
}

impl<T: StateData> Rdd<T> {
    /// The records dealt out evenly over `partitions` (at least 1), by a shuffle.
    #[track_caller]
    pub fn repartition(&self, partitions: usize) -> Rdd<T> {
        let (parent, reducers) = (self.clone(), partitions.max(1));
        let site = Site::new(&self.engine, "ShuffledRdd", "repartition", reducers);
        let (id, dependency) = exchange(self, move |id, partition, task| {
            // Each map task begins with another reducer, so that the first ones do not get a record more from each.
            let mut next = partition % reducers;
            let mut input = parent.node.read(partition, task)?;
            blocks(&mut *input, Buckets::new(task, id, reducers), |_| {
                let to = next;
                next = (next + 1) % reducers;
                to
            })
        });
        let shuffled = Shuffled::new(id, self.partitions());
        Rdd::new(&self.engine, site, vec![dependency], None, move |reducer, task| {
            Ok(Box::new(shuffled.pull(reducer, task)))
        })
        .encodable()
    }
}

impl<K: KeyData + Hash, V: StateData> Rdd<(K, V)> {
    /// The pairs in `partitions` partitions (at least 1), equal keys together.
    #[track_caller]
    pub fn partition_by(&self, partitions: usize) -> Rdd<(K, V)> {
        let (parent, reducers) = (self.clone(), partitions.max(1));
        let site = Site::new(&self.engine, "ShuffledRdd", "partition_by", reducers);
        let (id, dependency) = exchange(self, move |id, partition, task| {
            let mut input = parent.node.read(partition, task)?;
            blocks(&mut *input, Buckets::new(task, id, reducers), |(key, _)| {
                reducer_of(hash_of(key), reducers)
            })
        });
        let shuffled = Shuffled::new(id, self.partitions());
        Rdd::new(&self.engine, site, vec![dependency], None, move |reducer, task| {
            Ok(Box::new(shuffled.pull(reducer, task)))
        })
        .encodable()
    }
}
