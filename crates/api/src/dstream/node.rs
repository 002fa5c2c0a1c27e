//! A node of the streaming graph: for each batch time at most one data set, made when it is first asked for.
//!
//! Answers for making it once, for keeping it as long as somebody behind may ask again, and for forgetting it. Not for
//! when it is asked for (the batches do) nor for what it is (the stream's operation).
//! Holds: after a batch, a node keeps the data sets of the last `remember` only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_dataflow::lineage::StorageLevel;
use millstream_model::error::Result;
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use super::timeline::Timeline;
use crate::rdd::Rdd;

type Compute<T> = dyn Fn(&Node<T>, Timestamp) -> Result<Option<Rdd<T>>> + Send + Sync;

/// A node, whatever its records are.
pub(super) trait AnyNode: Send + Sync {
    /// Keeps data sets for `length` behind their batch, at least; those before it long enough for that.
    fn remember(&self, length: Duration);

    /// The batch of `time` is done: lets go of what nobody can ask for again.
    fn forget(&self, time: Timestamp);
}

/// A parent, and how much further back than its child it is asked for.
pub(super) struct Parent {
    pub(super) node: Arc<dyn AnyNode>,
    pub(super) reach: Duration,
}

pub(super) struct Node<T> {
    timeline: Arc<Timeline>,
    slide: Duration,
    parents: Vec<Parent>,
    kept: Mutex<Kept<T>>,
    compute: Box<Compute<T>>,
}

struct Kept<T> {
    remember: Duration,
    level: StorageLevel,
    made: BTreeMap<Timestamp, Rdd<T>>,
}

impl<T: Record> Node<T> {
    pub(super) fn new(
        timeline: &Arc<Timeline>,
        slide: Duration,
        parents: Vec<Parent>,
        compute: impl Fn(&Node<T>, Timestamp) -> Result<Option<Rdd<T>>> + Send + Sync + 'static,
    ) -> Self {
        let kept = Kept { remember: Duration::ZERO, level: StorageLevel::None, made: BTreeMap::new() };
        for parent in &parents {
            parent.node.remember(parent.reach);
        }
        Self {
            timeline: Arc::clone(timeline),
            slide,
            parents,
            kept: Mutex::new(kept),
            compute: Box::new(compute),
        }
    }

    /// How far apart its data sets are.
    pub(super) fn slide(&self) -> Duration {
        self.slide
    }

    /// The data set of `time`, if the stream has one then.
    pub(super) fn at(&self, time: Timestamp) -> Result<Option<Rdd<T>>> {
        if !self.timeline.has(time, self.slide) {
            return Ok(None);
        }
        if let Some(rdd) = self.kept().made.get(&time) {
            return Ok(Some(rdd.clone()));
        }
        let Some(rdd) = (self.compute)(self, time)? else { return Ok(None) };
        self.put(time, rdd.clone());
        Ok(Some(rdd))
    }

    /// Gives the node its data set of `time`.
    pub(super) fn put(&self, time: Timestamp, rdd: Rdd<T>) {
        let mut kept = self.kept();
        if kept.level != StorageLevel::None {
            let _same = rdd.persist(kept.level);
        }
        kept.made.insert(time, rdd);
    }

    /// Keeps the records of each data set made from now on, as `level` says.
    pub(super) fn persist(&self, level: StorageLevel) {
        self.kept().level = level;
    }

    /// Those that are remembered, from `from` to `to`, in order.
    pub(super) fn slice(&self, from: Timestamp, to: Timestamp) -> Vec<Rdd<T>> {
        let kept = self.kept();
        kept.made
            .iter()
            .filter(|(time, _)| from <= **time && **time <= to)
            .map(|(_, rdd)| rdd.clone())
            .collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Record> AnyNode for Node<T> {
    fn remember(&self, length: Duration) {
        {
            let mut kept = self.kept();
            if kept.remember >= length {
                return;
            }
            kept.remember = length;
        }
        for parent in &self.parents {
            parent.node.remember(length.saturating_add(parent.reach));
        }
    }

    fn forget(&self, time: Timestamp) {
        let mut kept = self.kept();
        let last = time - kept.remember;
        let newer = kept.made.split_off(&(last + Duration::from_millis(1)));
        let gone = std::mem::replace(&mut kept.made, newer);
        let persisted = kept.level != StorageLevel::None;
        // Letting go of a data set frees its blocks, which takes other locks.
        drop(kept);
        for rdd in gone.into_values().filter(|_| persisted) {
            let _same = rdd.unpersist();
        }
    }
}
