//! Transformations of each record.

use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::Pull;
use millstream_model::error::{BoxError, Result};
use millstream_model::record::Record;
use millstream_operators::step::user_failure;

use super::Rdd;
use super::flat::FlatMap;
use super::site::{Calls, Site};

/// A step over each run of records; a failure in it names the data set and the record.
struct Each<T, S> {
    input: Box<dyn Pull<T>>,
    calls: Calls,
    step: S,
}

impl<T, U, S: FnMut(&mut Batch<T>) -> Result<Batch<U>>> Pull<U> for Each<T, S> {
    fn next(&mut self) -> Result<Option<Batch<U>>> {
        while let Some(mut batch) = self.input.next()? {
            let output = self.calls.try_over(&mut batch, &mut self.step)?;
            if !output.is_empty() {
                return Ok(Some(output));
            }
        }
        Ok(None)
    }
}

impl<T: Record> Rdd<T> {
    #[track_caller]
    fn each<U: Record, S: FnMut(&mut Batch<T>) -> Result<Batch<U>> + 'static>(
        &self,
        name: &'static str,
        step: impl Fn() -> S + Send + Sync + 'static,
    ) -> Rdd<U> {
        let site = Site::new(&self.engine, "MapPartitionsRdd", name, self.partitions());
        let parent = self.clone();
        Rdd::new(&self.engine, site, vec![self.narrow()], None, move |partition, task| {
            let input = parent.node.read(partition, task)?;
            Ok(Box::new(Each { input, calls: site.calls(partition), step: step() }))
        })
    }

    /// A map that goes by the name of the operation that it is a part of.
    #[track_caller]
    pub(super) fn mapped<U: Record>(
        &self,
        name: &'static str,
        f: impl Fn(T) -> U + Send + Sync + 'static,
    ) -> Rdd<U> {
        let f = Arc::new(f);
        self.each(name, move || {
            let f = Arc::clone(&f);
            move |batch: &mut Batch<T>| Ok(batch.map(&*f))
        })
    }

    /// What `f` makes of each record.
    #[track_caller]
    pub fn map<U: Record>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> Rdd<U> {
        self.mapped("map", f)
    }

    /// What `f` makes of each record. An error of `f` ends the task with the record's place, and is not tried again
    /// unless it is a [`Failure`](millstream_model::error::Failure) that may go well another time.
    #[track_caller]
    pub fn try_map<U: Record>(&self, f: impl Fn(T) -> Result<U, BoxError> + Send + Sync + 'static) -> Rdd<U> {
        let f = Arc::new(f);
        self.each("try_map", move || {
            let f = Arc::clone(&f);
            move |batch: &mut Batch<T>| {
                let origin = batch.origin().cloned();
                let made: Result<Vec<U>> =
                    batch.drain().map(|record| f(record).map_err(user_failure)).collect();
                let mut output = Batch::from(made?);
                output.set_origin(origin);
                Ok(output)
            }
        })
    }

    /// The records for which `f` is true.
    #[track_caller]
    pub fn filter(&self, f: impl Fn(&T) -> bool + Send + Sync + 'static) -> Rdd<T> {
        let f = Arc::new(f);
        self.each("filter", move || {
            let f = Arc::clone(&f);
            move |batch: &mut Batch<T>| {
                batch.retain(&*f);
                Ok(std::mem::take(batch))
            }
        })
    }

    /// All that `f` makes of each record. What it makes is taken up a run at a time, however much there is of it.
    #[track_caller]
    pub fn flat_map<I: IntoIterator<Item: Record, IntoIter: 'static>>(
        &self,
        f: impl Fn(T) -> I + Send + Sync + 'static,
    ) -> Rdd<I::Item> {
        let site = Site::new(&self.engine, "MapPartitionsRdd", "flat_map", self.partitions());
        let (parent, f) = (self.clone(), Arc::new(f));
        Rdd::new(&self.engine, site, vec![self.narrow()], None, move |partition, task| {
            let (input, f) = (parent.node.read(partition, task)?, Arc::clone(&f));
            Ok(Box::new(FlatMap::new(input, site.calls(partition), move |record| f(record).into_iter())))
        })
    }

    /// Each record behind the key that `f` finds for it.
    #[track_caller]
    pub fn key_by<K: Record>(&self, f: impl Fn(&T) -> K + Send + Sync + 'static) -> Rdd<(K, T)> {
        self.mapped("key_by", move |record| (f(&record), record))
    }
}

impl<K: Record, V: Record> Rdd<(K, V)> {
    /// What `f` makes of each value, behind the key it had.
    #[track_caller]
    pub fn map_values<U: Record>(&self, f: impl Fn(V) -> U + Send + Sync + 'static) -> Rdd<(K, U)> {
        self.mapped("map_values", move |(key, value)| (key, f(value)))
    }
}
