//! Actions: what runs a lineage and gives its result to the program.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::Location;
use std::sync::Arc;

use millstream_dataflow::lineage::{Pull, TaskContext, drain};
use millstream_dataflow::state::{KeyData, StateData};
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use super::Rdd;
use super::site::Site;

/// All of these fail with what a task said in the last of its attempts.
impl<T: Record> Rdd<T> {
    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.partitions()).collect()
    }

    /// An action on this data set.
    #[track_caller]
    pub(super) fn action(&self, name: &'static str) -> Site {
        let (id, partitions) = (self.id(), self.partitions());
        Site { id, name, kind: "", called_at: Location::caller(), partitions }
    }

    pub(super) fn count_in(&self, partitions: &[usize]) -> Result<Vec<u64>> {
        self.engine.run(&self.node, partitions, |mut records, _| {
            let mut count = 0;
            while let Some(batch) = records.next()? {
                count += batch.len() as u64;
            }
            Ok(count)
        })
    }

    /// How many records there are.
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    pub fn count(&self) -> Result<u64> {
        Ok(self.count_in(&self.all())?.iter().sum())
    }

    /// As [`Rdd::take`], of what `show` makes of each record in the tasks.
    pub(crate) fn take_shown(&self, limit: usize, show: fn(&T) -> Result<String>) -> Result<Vec<String>> {
        self.taken(limit, |partitions, wanted| {
            let first = move |mut records: Box<dyn Pull<T>>, _: &TaskContext| {
                some(&mut *records, wanted)?.iter().map(show).collect::<Result<Vec<_>>>()
            };
            self.engine.run(&self.node, partitions, first)
        })
    }

    /// The first `limit`, of those that `run` finds in some of the partitions, so many in each.
    fn taken<R>(&self, limit: usize, run: impl Fn(&[usize], usize) -> Result<Vec<Vec<R>>>) -> Result<Vec<R>> {
        let (mut taken, mut next, mut width) = (Vec::new(), 0, 1);
        while taken.len() < limit && next < self.partitions() {
            let end = self.partitions().min(next + width);
            let partitions: Vec<usize> = (next..end).collect();
            taken.extend(run(&partitions, limit - taken.len())?.into_iter().flatten());
            (next, width) = (end, width * 4);
        }
        taken.truncate(limit);
        Ok(taken)
    }

    /// The records of each partition folded into `zero` by `seq`, and these made one by `comb`.
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    pub fn aggregate<A: StateData>(
        &self,
        zero: A,
        seq: impl Fn(A, T) -> A + Send + Sync + 'static,
        comb: impl Fn(A, A) -> A,
    ) -> Result<A> {
        self.aggregate_from("aggregate", move || zero.clone(), seq, comb)
    }

    #[track_caller]
    fn aggregate_from<A: StateData>(
        &self,
        name: &'static str,
        zero: impl Fn() -> A + Send + Sync + Clone + 'static,
        seq: impl Fn(A, T) -> A + Send + Sync + 'static,
        comb: impl Fn(A, A) -> A,
    ) -> Result<A> {
        let (start, site) = (zero.clone(), self.action(name));
        let parts = self.engine.run(&self.node, &self.all(), move |mut records, task| {
            let (mut sum, calls) = (start(), site.calls(task.partition));
            while let Some(mut batch) = records.next()? {
                sum = calls.over(&mut batch, |batch| batch.drain().fold(sum, &seq))?;
            }
            Ok(sum)
        })?;
        Ok(parts.into_iter().fold(zero(), comb))
    }

    /// Calls `f` with each record, in the tasks.
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    pub fn for_each(&self, f: impl Fn(T) + Send + Sync + 'static) -> Result<()> {
        self.aggregate_from("for_each", || (), move |(), record| f(record), |(), ()| ())
    }
}

/// On a cluster their results travel, which is why these ask for records that can be encoded.
impl<T: StateData> Rdd<T> {
    /// All records, in the order of the partitions.
    ///
    /// # Errors
    /// If a task failed in all its attempts.
    pub fn collect(&self) -> Result<Vec<T>> {
        let parts = self.engine.run(&self.node, &self.all(), |mut records, _| drain(&mut *records))?;
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        all.reserve_exact(parts.as_slice().iter().map(Vec::len).sum());
        parts.for_each(|mut part| all.append(&mut part));
        Ok(all)
    }

    /// The first `limit` records. Looks at one partition, then at four times as many each time, and stops early in each.
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    pub fn take(&self, limit: usize) -> Result<Vec<T>> {
        self.taken(limit, |partitions, wanted| {
            self.engine.run(&self.node, partitions, move |mut records, _| some(&mut *records, wanted))
        })
    }

    /// The first record.
    ///
    /// # Errors
    /// If there is none, or as [`Rdd::collect`].
    pub fn first(&self) -> Result<T> {
        self.take(1)?.pop().ok_or_else(|| Failure::user("the rdd is empty: it has no first record"))
    }

    /// All records made one by `f`, which must be associative and commutative.
    ///
    /// # Errors
    /// If there is none, or as [`Rdd::collect`].
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> Result<T> {
        let f = Arc::new(f);
        let task = Arc::clone(&f);
        let merge = move |sum: Option<T>, record: T| match sum {
            Some(sum) => Some(task(sum, record)),
            None => Some(record),
        };
        let both = move |a: Option<T>, b: Option<T>| match (a, b) {
            (Some(a), Some(b)) => Some(f(a, b)),
            (a, b) => a.or(b),
        };
        self.aggregate_from("reduce", || None, merge, both)?
            .ok_or_else(|| Failure::user("the rdd is empty: there is nothing to reduce"))
    }

    /// All records made one by `f`, starting from `zero` in each partition and once more for these.
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    pub fn fold(&self, zero: T, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> Result<T> {
        let f = Arc::new(f);
        let task = Arc::clone(&f);
        self.aggregate_from("fold", move || zero.clone(), move |a, b| task(a, b), move |a, b| f(a, b))
    }
}

/// The first records of a partition, so many at most.
fn some<T>(records: &mut dyn Pull<T>, wanted: usize) -> Result<Vec<T>> {
    let mut some = Vec::new();
    while some.len() < wanted
        && let Some(mut batch) = records.next()?
    {
        some.extend(batch.drain());
    }
    some.truncate(wanted);
    Ok(some)
}

impl<T: KeyData + Hash> Rdd<T> {
    /// How often each record is there.
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    pub fn count_by_value(&self) -> Result<HashMap<T, u64>> {
        let counts =
            self.mapped("count_by_value", |record| (record, 1)).reduced("count_by_value", |a, b| a + b);
        Ok(counts.collect()?.into_iter().collect())
    }
}

impl<K: KeyData + Hash, V: StateData> Rdd<(K, V)> {
    /// How many records each key has.
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    pub fn count_by_key(&self) -> Result<HashMap<K, u64>> {
        let counts = self.mapped("count_by_key", |(key, _)| (key, 1)).reduced("count_by_key", |a, b| a + b);
        Ok(counts.collect()?.into_iter().collect())
    }
}
