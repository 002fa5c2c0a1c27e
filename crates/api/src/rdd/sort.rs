//! Sorting: each map task sorts its partition and leaves it as one run, with an index of it; reducers cut all runs at the
//! same keys, which they find in the indexes, and merge what lies between.
//!
//! So the parent is computed once, records are copied once (out of the runs), and no reducer holds its whole partition.
//!
//! Holds: the bounds between partitions are the same for all reducers, however often a task is run.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use millstream_dataflow::lineage::{Rows, Runs, Stored, TaskContext, VecPull, drain_detached};
use millstream_dataflow::state::StateData;
use millstream_model::error::Result;

use super::Rdd;
use super::merge::{Bounds, MergePull, Source};
use super::node::exchange;
use super::site::{Calls, Site};

/// Into how many chunks a run is cut for each reducer: the finer, the more even are the partitions.
const CHUNKS: usize = 16;

/// The first key of each chunk of a run, and how many records the chunk has.
pub(super) type Index<K> = Vec<(K, u64)>;

#[inline]
pub(super) fn order<K: Ord>(a: &K, b: &K, ascending: bool) -> Ordering {
    if ascending { a.cmp(b) } else { b.cmp(a) }
}

/// The keys at which records are cut into `reducers` partitions of about the same size.
fn cuts<K: StateData + Ord>(indexes: &[Rows<(K, u64)>], reducers: usize, ascending: bool) -> Vec<K> {
    let mut keys: Vec<&(K, u64)> = indexes.iter().flat_map(|index| index.as_slice()).collect();
    keys.sort_by(|a, b| order(&a.0, &b.0, ascending));
    let total: u64 = keys.iter().map(|(_, count)| count).sum();
    let (mut cuts, mut passed) = (Vec::new(), 0);
    for (key, count) in keys {
        let wanted = u128::from(total) * (cuts.len() as u128 + 1) / reducers as u128;
        if cuts.len() + 1 < reducers && u128::from(passed) >= wanted {
            cuts.push(key.clone());
        }
        passed += count;
    }
    cuts
}

/// All rows of a block: an index of long keys has several runs once it is encoded.
fn whole<T: StateData>(runs: &mut Runs<T>) -> Result<Rows<T>> {
    let Some(first) = runs.next_run()? else { return Ok(Rows::from(Vec::new())) };
    let (first, mut all) = (Rows::from(first), Vec::new());
    while let Some(run) = runs.next_run()? {
        if all.is_empty() {
            all.extend_from_slice(first.as_slice());
        }
        all.extend_from_slice(Rows::from(run).as_slice());
    }
    Ok(if all.is_empty() { first } else { Rows::from(all) })
}

/// A sorted run as blocks: its index, then its chunks.
fn blocks<K: StateData + Ord, V: StateData>(records: Vec<(K, V)>, reducers: usize) -> Vec<Stored> {
    let rows = Rows::from(records);
    let length = rows.as_slice().len();
    let size = length.div_ceil(CHUNKS * reducers).max(1);
    let starts = (0..length).step_by(size);
    let index: Index<K> =
        rows.as_slice().chunks(size).map(|chunk| (chunk[0].0.clone(), chunk.len() as u64)).collect();
    let mut blocks = vec![Stored::Memory(Arc::new(Rows::from(index)))];
    blocks.extend(starts.map(|start| Stored::Memory(Arc::new(rows.part(start..start + size)))));
    blocks
}

impl<K: StateData + Ord, V: StateData> Rdd<(K, V)> {
    fn sorted_part(
        &self,
        partition: usize,
        task: &TaskContext,
        calls: &Calls,
        ascending: bool,
    ) -> Result<Vec<(K, V)>> {
        let mut records = drain_detached(&mut *self.node.read(partition, task)?)?;
        calls.counted(|| records.sort_unstable_by(|a, b| order(&a.0, &b.0, ascending)))?;
        Ok(records)
    }

    /// The pairs in the order of their keys, within and across partitions. Pairs with equal keys stand next to each other in
    /// no particular order.
    #[track_caller]
    pub fn sort_by_key(&self, ascending: bool) -> Rdd<(K, V)> {
        self.sorted("sort_by_key", ascending)
    }

    #[track_caller]
    fn sorted(&self, name: &'static str, ascending: bool) -> Rdd<(K, V)> {
        let (parent, maps) = (self.clone(), self.partitions());
        if maps == 1 {
            let site = Site::new(&self.engine, "MapPartitionsRdd", name, 1);
            return Rdd::new(&self.engine, site, vec![self.narrow()], None, move |at, task| {
                Ok(Box::new(VecPull::from(parent.sorted_part(at, task, &site.calls(at), ascending)?)))
            })
            .encodable();
        }
        let reducers = self.reducers();
        let site = Site::new(&self.engine, "ShuffledRdd", name, reducers);
        let (id, dependency) = exchange(self, move |_, at, task| {
            let calls = Site { partitions: maps, ..site }.calls(at);
            Ok(blocks(parent.sorted_part(at, task, &calls, ascending)?, reducers))
        });
        let found: OnceLock<Vec<K>> = OnceLock::new();
        Rdd::new(&self.engine, site, vec![dependency], None, move |reducer, task| {
            let mut indexes = Vec::with_capacity(maps);
            for map in 0..maps {
                indexes.push(whole(&mut Runs::<(K, u64)>::open(task, id, map, 0)?)?);
            }
            let calls = site.calls(reducer);
            let cuts = calls.counted(|| found.get_or_init(|| cuts(&indexes, reducers, ascending)))?;
            let bounds = Bounds::of(cuts, reducer, ascending);
            let sources = (indexes.iter().enumerate())
                .map(|(map, index)| Source::new((id, map), bounds.chunks(index.as_slice()), &bounds))
                .collect();
            Ok(Box::new(MergePull::new(sources, ascending, task.clone(), calls)))
        })
        .encodable()
    }
}

impl<T: StateData> Rdd<T> {
    /// The records in the order of what `f` finds for each, within and across partitions.
    #[track_caller]
    pub fn sort_by<K: StateData + Ord>(
        &self,
        f: impl Fn(&T) -> K + Send + Sync + 'static,
        ascending: bool,
    ) -> Rdd<T> {
        self.mapped("sort_by", move |record| (f(&record), record))
            .sorted("sort_by", ascending)
            .mapped("sort_by", |(_, record)| record)
    }
}
