//! Transformations of the records of a partition as one iterator.

use std::cell::RefCell;
use std::rc::Rc;
use std::vec::IntoIter;

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH};
use millstream_dataflow::lineage::{Pull, VecPull, drain};
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use super::Rdd;
use super::node::Prepare;
use super::site::{Calls, Site};

/// What the function of [`Rdd::map_partitions`] and the task around it both know.
struct Shared {
    calls: Calls,
    failure: RefCell<Option<Failure>>,
}

impl Shared {
    fn new(site: Site, partition: usize) -> Rc<Self> {
        Rc::new(Self { calls: site.calls(partition), failure: RefCell::default() })
    }
}

/// The records of a partition as an iterator, for [`Rdd::map_partitions`]. It ends early if the input fails; then the task
/// fails as well.
pub struct Records<T> {
    input: Box<dyn Pull<T>>,
    run: IntoIter<T>,
    shared: Rc<Shared>,
}

impl<T> Records<T> {
    fn new(input: Box<dyn Pull<T>>, shared: &Rc<Shared>) -> Self {
        Self { input, run: Vec::new().into_iter(), shared: Rc::clone(shared) }
    }
}

impl<T> Iterator for Records<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            if let Some(record) = self.run.next() {
                let seen = &self.shared.calls.seen;
                seen.set(seen.get() + 1);
                return Some(record);
            }
            match self.input.next() {
                Ok(Some(mut batch)) => self.run = batch.take_records().into_iter(),
                Ok(None) => return None,
                Err(failure) => {
                    self.shared.failure.replace(Some(failure));
                    return None;
                }
            }
        }
    }
}

struct IterPull<I> {
    records: I,
    shared: Rc<Shared>,
}

impl<I: Iterator> Pull<I::Item> for IterPull<I> {
    fn next(&mut self) -> Result<Option<Batch<I::Item>>> {
        let records = &mut self.records;
        let run: Vec<_> = self.shared.calls.counted(|| records.take(DEFAULT_BATCH).collect())?;
        match self.shared.failure.take() {
            Some(failure) => Err(failure),
            None => Ok((!run.is_empty()).then(|| Batch::from(run))),
        }
    }
}

impl<T: Record> Rdd<T> {
    /// What `f` makes of the records of each partition. They are read as `f` asks for them, and what it gives is taken up
    /// a run at a time: a partition is in memory as a whole only if `f` collects it.
    #[track_caller]
    pub fn map_partitions<I: IntoIterator<Item: Record, IntoIter: 'static>>(
        &self,
        f: impl Fn(Records<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<I::Item> {
        self.partitions_mapped("MapPartitionsRdd", "map_partitions", None, move |_, records| f(records))
    }

    /// What `f` makes of the number (from 0) and the records of each partition, as [`Rdd::map_partitions`].
    #[track_caller]
    pub fn map_partitions_with_index<I: IntoIterator<Item: Record, IntoIter: 'static>>(
        &self,
        f: impl Fn(usize, Records<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<I::Item> {
        self.partitions_mapped("MapPartitionsRdd", "map_partitions_with_index", None, f)
    }

    #[track_caller]
    pub(super) fn partitions_mapped<I: IntoIterator<Item: Record, IntoIter: 'static>>(
        &self,
        kind: &'static str,
        name: &'static str,
        prepare: Option<Prepare>,
        f: impl Fn(usize, Records<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<I::Item> {
        let site = Site::new(&self.engine, kind, name, self.partitions());
        let parent = self.clone();
        Rdd::new(&self.engine, site, vec![self.narrow()], prepare, move |partition, task| {
            let shared = Shared::new(site, partition);
            let records = Records::new(parent.node.read(partition, task)?, &shared);
            let records = shared.calls.counted(|| f(partition, records).into_iter())?;
            Ok(Box::new(IterPull { records, shared }))
        })
    }

    /// What `f` makes of each partition here together with the one of the same number in `other`, which has as many.
    #[track_caller]
    pub(crate) fn zip_partitions<U: Record, I: IntoIterator<Item: Record, IntoIter: 'static>>(
        &self,
        name: &'static str,
        other: &Rdd<U>,
        f: impl Fn(Records<T>, Records<U>) -> I + Send + Sync + 'static,
    ) -> Rdd<I::Item> {
        let site = Site::new(&self.engine, "ZippedPartitionsRdd", name, self.partitions());
        let (left, right) = (self.clone(), other.clone());
        let dependencies = vec![self.narrow(), other.narrow()];
        Rdd::new(&self.engine, site, dependencies, None, move |partition, task| {
            let shared = Shared::new(site, partition);
            let left = Records::new(left.node.read(partition, task)?, &shared);
            let right = Records::new(right.node.read(partition, task)?, &shared);
            let records = shared.calls.counted(|| f(left, right).into_iter())?;
            Ok(Box::new(IterPull { records, shared }))
        })
    }

    /// The records of each partition as one record.
    #[track_caller]
    pub fn glom(&self) -> Rdd<Vec<T>> {
        let site = Site::new(&self.engine, "MapPartitionsRdd", "glom", self.partitions());
        let parent = self.clone();
        Rdd::new(&self.engine, site, vec![self.narrow()], None, move |partition, task| {
            let records = drain(&mut *parent.node.read(partition, task)?)?;
            Ok(Box::new(VecPull::from(vec![records])))
        })
    }
}
