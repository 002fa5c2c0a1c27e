//! Transformations of the partitions themselves.

use std::sync::{Arc, OnceLock};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::{Pull, TaskContext};
use millstream_dataflow::state::StateData;
use millstream_model::error::Result;
use millstream_model::record::Record;

use super::Rdd;
use super::context::Context;

/// Several partitions of a data set, one after the other.
struct Chain<T> {
    parent: Rdd<T>,
    rest: std::ops::Range<usize>,
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
    pub fn union(&self, other: &Rdd<T>) -> Rdd<T> {
        Context { engine: Arc::clone(&self.engine) }.union(&[self.clone(), other.clone()])
    }

    /// The records in at most `partitions` partitions (at least 1), each made of neighbours, without a shuffle.
    pub fn coalesce(&self, partitions: usize) -> Rdd<T> {
        let (parent, from) = (self.clone(), self.partitions());
        let to = partitions.max(1).min(from);
        Rdd::new(&self.engine, "coalesce", to, vec![self.narrow()], None, move |partition, task| {
            let rest = from * partition / to..from * (partition + 1) / to;
            Ok(Box::new(Chain { parent: parent.clone(), rest, task: task.clone(), current: None }))
        })
    }

    /// Each record with its number, in the order of the partitions. Counts all but the last partition first, if there
    /// are several.
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
        let numbered = self.map_partitions_with_index(move |partition, records| {
            let start = starts.get().and_then(|starts| starts.get(partition)).copied().unwrap_or(0);
            records.zip(start..)
        });
        let dependencies = vec![numbered.narrow()];
        let node = numbered.clone();
        Rdd::new(
            &self.engine,
            "zip_with_index",
            count,
            dependencies,
            Some(Box::new(prepare)),
            move |at, task| node.node.read(at, task),
        )
    }

    /// About `fraction` of the records, each at most once; the same ones for the same `seed`.
    pub fn sample(&self, fraction: f64, seed: u64) -> Rdd<T> {
        self.map_partitions_with_index(move |partition, records| {
            let mut state = seed ^ (partition as u64).wrapping_mul(0xd134_2543_de82_ef95);
            records.filter(move |_| {
                // SplitMix64.
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut bits = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (((bits ^ (bits >> 31)) >> 11) as f64) < fraction * (1u64 << 53) as f64
            })
        })
    }
}

impl<T: StateData> Rdd<T> {
    /// The records dealt out evenly over `partitions` (at least 1), by a shuffle.
    pub fn repartition(&self, partitions: usize) -> Rdd<T> {
        self.map_partitions_with_index(|partition, records| (partition as u64..).zip(records))
            .partition_by(partitions)
            .map(|(_, record)| record)
    }
}
