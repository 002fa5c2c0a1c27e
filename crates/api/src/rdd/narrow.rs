//! Transformations that stay within a partition.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH};
use millstream_dataflow::lineage::{Pull, panic_message};
use millstream_model::error::{Failure, Result};
use millstream_model::id::{OperatorUid, Subtask};
use millstream_model::record::Record;

use super::Rdd;

/// A step over each run of records; a panic in it names the data set and the record.
struct Each<T, S> {
    input: Box<dyn Pull<T>>,
    name: &'static str,
    subtask: Subtask,
    seen: u64,
    step: S,
}

impl<T, U, S: FnMut(&mut Batch<T>) -> Batch<U>> Pull<U> for Each<T, S> {
    fn next(&mut self) -> Result<Option<Batch<U>>> {
        while let Some(mut batch) = self.input.next()? {
            let length = batch.len() as u64;
            let origin = batch.origin().cloned();
            let output = catch_unwind(AssertUnwindSafe(|| (self.step)(&mut batch))).map_err(|panic| {
                let handed = batch.handed();
                let mut failure = panic_message(&*panic).on_record(self.seen + handed as u64);
                if let (Some(origin), true) = (origin, handed > 0) {
                    failure = failure.at(origin.position(handed - 1));
                }
                failure.in_operator(self.name, &OperatorUid::new(self.name), self.subtask)
            })?;
            self.seen += length;
            if !output.is_empty() {
                return Ok(Some(output));
            }
        }
        Ok(None)
    }
}

/// The records of a partition as an iterator, for [`Rdd::map_partitions`]. It ends early if the input fails.
pub struct Records<T> {
    input: Box<dyn Pull<T>>,
    run: std::vec::IntoIter<T>,
    failure: Rc<RefCell<Option<Failure>>>,
}

impl<T> Records<T> {
    fn new(input: Box<dyn Pull<T>>, failure: &Rc<RefCell<Option<Failure>>>) -> Self {
        Self { input, run: Vec::new().into_iter(), failure: Rc::clone(failure) }
    }
}

impl<T> Iterator for Records<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            if let Some(record) = self.run.next() {
                return Some(record);
            }
            match self.input.next() {
                Ok(Some(mut batch)) => self.run = batch.drain().collect::<Vec<_>>().into_iter(),
                Ok(None) => return None,
                Err(failure) => {
                    self.failure.replace(Some(failure));
                    return None;
                }
            }
        }
    }
}

struct IterPull<I> {
    records: I,
    failure: Rc<RefCell<Option<Failure>>>,
}

impl<I: Iterator> Pull<I::Item> for IterPull<I> {
    fn next(&mut self) -> Result<Option<Batch<I::Item>>> {
        let run: Vec<_> = self.records.by_ref().take(DEFAULT_BATCH).collect();
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok((!run.is_empty()).then(|| Batch::from(run))),
        }
    }
}

impl<T: Record> Rdd<T> {
    fn each<U: Record, S: FnMut(&mut Batch<T>) -> Batch<U> + 'static>(
        &self,
        name: &'static str,
        step: impl Fn() -> S + Send + Sync + 'static,
    ) -> Rdd<U> {
        let (parent, of) = (self.clone(), self.partitions());
        Rdd::new(&self.engine, name, of, vec![self.narrow()], None, move |partition, task| {
            let input = parent.node.read(partition, task)?;
            let subtask = Subtask { index: partition as u32, of: of as u32 };
            Ok(Box::new(Each { input, name, subtask, seen: 0, step: step() }))
        })
    }

    /// What `f` makes of each record.
    pub fn map<U: Record>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> Rdd<U> {
        let f = Arc::new(f);
        self.each("map", move || {
            let f = Arc::clone(&f);
            move |batch: &mut Batch<T>| batch.map(&*f)
        })
    }

    /// The records for which `f` is true.
    pub fn filter(&self, f: impl Fn(&T) -> bool + Send + Sync + 'static) -> Rdd<T> {
        let f = Arc::new(f);
        self.each("filter", move || {
            let f = Arc::clone(&f);
            move |batch: &mut Batch<T>| {
                batch.retain(&*f);
                std::mem::take(batch)
            }
        })
    }

    /// All that `f` makes of each record.
    pub fn flat_map<I: IntoIterator<Item: Record>>(
        &self,
        f: impl Fn(T) -> I + Send + Sync + 'static,
    ) -> Rdd<I::Item> {
        let f = Arc::new(f);
        self.each("flat_map", move || {
            let f = Arc::clone(&f);
            move |batch: &mut Batch<T>| {
                let origin = batch.origin().map(|origin| origin.blurred());
                let mut output = Batch::with_capacity(batch.len());
                batch.drain().for_each(|record| f(record).into_iter().for_each(|made| output.push(made)));
                output.set_origin(origin);
                output
            }
        })
    }

    /// What `f` makes of the records of each partition.
    pub fn map_partitions<I: IntoIterator<Item: Record, IntoIter: 'static>>(
        &self,
        f: impl Fn(Records<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<I::Item> {
        self.map_partitions_with_index(move |_, records| f(records))
    }

    /// What `f` makes of the number and the records of each partition.
    pub fn map_partitions_with_index<I: IntoIterator<Item: Record, IntoIter: 'static>>(
        &self,
        f: impl Fn(usize, Records<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<I::Item> {
        let parent = self.clone();
        let dependencies = vec![self.narrow()];
        let count = self.partitions();
        Rdd::new(&self.engine, "map_partitions", count, dependencies, None, move |partition, task| {
            let failure = Rc::new(RefCell::new(None));
            let records = Records::new(parent.node.read(partition, task)?, &failure);
            Ok(Box::new(IterPull { records: f(partition, records).into_iter(), failure }))
        })
    }

    /// What `f` makes of each partition here together with the one of the same number in `other`, which has as many.
    pub(crate) fn zip_partitions<U: Record, I: IntoIterator<Item: Record, IntoIter: 'static>>(
        &self,
        name: &'static str,
        other: &Rdd<U>,
        f: impl Fn(Records<T>, Records<U>) -> I + Send + Sync + 'static,
    ) -> Rdd<I::Item> {
        let (left, right) = (self.clone(), other.clone());
        let dependencies = vec![self.narrow(), other.narrow()];
        Rdd::new(&self.engine, name, self.partitions(), dependencies, None, move |partition, task| {
            let failure = Rc::new(RefCell::new(None));
            let left = Records::new(left.node.read(partition, task)?, &failure);
            let right = Records::new(right.node.read(partition, task)?, &failure);
            Ok(Box::new(IterPull { records: f(left, right).into_iter(), failure }))
        })
    }

    /// Each record behind the key that `f` finds for it.
    pub fn key_by<K: Record>(&self, f: impl Fn(&T) -> K + Send + Sync + 'static) -> Rdd<(K, T)> {
        self.map(move |record| (f(&record), record))
    }
}

impl<K: Record, V: Record> Rdd<(K, V)> {
    /// What `f` makes of each value, behind the key it had.
    pub fn map_values<U: Record>(&self, f: impl Fn(V) -> U + Send + Sync + 'static) -> Rdd<(K, U)> {
        self.map(move |(key, value)| (key, f(value)))
    }
}
