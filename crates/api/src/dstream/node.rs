//! A node of the streaming graph: for each batch time at most one data set, made when it is first asked for.
//!
//! Answers for making it once, for keeping it as long as somebody behind may ask again, and for forgetting it. Not for
//! when it is asked for (the batches do) nor for what it is (the stream's operation).
//! Holds: after a batch, a node keeps the data sets of the last `remember` only. Those of a node that others look back at
//! are made at each of its times and materialised, so that nothing before it needs to be kept for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_dataflow::lineage::{Codec, StorageLevel};
use millstream_dataflow::state::StateData;
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use super::graph::Graph;
use super::keep::Keeper;
use crate::rdd::{Context, Rdd};
use millstream_runtime::microbatch::{SavedBlock, Timeline};

type Compute<T> = dyn Fn(&Node<T>, Timestamp) -> Result<Option<Rdd<T>>> + Send + Sync;

/// A node, whatever its records are.
pub(super) trait AnyNode: Send + Sync {
    /// Keeps data sets for `length` behind their batch, at least.
    fn remember(&self, length: Duration);

    /// The batch of `time` is done: lets go of what nobody can ask for again.
    fn forget(&self, time: Timestamp);

    /// What it is made from.
    fn parents(&self) -> &[Arc<dyn AnyNode>];

    /// Whether it is to be made at each of its times, as others look back at it.
    fn is_looked_back_at(&self) -> bool;

    /// Makes the data set of `time`.
    fn make(&self, time: Timestamp) -> Result<()>;

    /// The operation, if what it makes is carried from batch to batch and can be written down.
    fn carried(&self) -> Option<&'static str>;

    /// How long data sets are kept behind their batch.
    fn remembered(&self) -> Duration;

    /// The times of those that are kept.
    fn kept(&self) -> Vec<Timestamp>;

    /// The data set of `time` as bytes.
    fn save(&self, time: Timestamp) -> Result<Vec<Vec<u8>>>;

    /// The files of the data set of `time`, if its tasks wrote it down.
    fn parts(&self, time: Timestamp) -> Option<Vec<SavedBlock>>;

    /// Gives the node a data set that was written to these files.
    fn restore_parts(&self, context: &Context, time: Timestamp, parts: Vec<SavedBlock>) -> Result<()>;

    /// Gives the node a data set that an earlier process saved.
    fn restore(&self, context: &Context, time: Timestamp, blocks: &[Vec<u8>]) -> Result<()>;
}

pub(super) struct Node<T> {
    timeline: Arc<Timeline>,
    keeper: Arc<Keeper>,
    slide: Duration,
    parents: Vec<Arc<dyn AnyNode>>,
    kept: Mutex<Kept<T>>,
    compute: Box<Compute<T>>,
}

/// How a data set is kept at a level: on disk only those can be whose records can be written down.
type Keep<T> = fn(&Rdd<T>, StorageLevel) -> Rdd<T>;

struct Kept<T> {
    remember: Duration,
    looked_back_at: bool,
    level: StorageLevel,
    keep: Keep<T>,
    carried: Option<(&'static str, Codec<T>)>,
    made: BTreeMap<Timestamp, Made<T>>,
}

struct Made<T> {
    rdd: Rdd<T>,
    form: Form,
}

/// What a data set is when it is put into a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Computed when it is asked for something.
    Lineage,
    /// Records in memory.
    InMemory,
}

impl<T: Record> Node<T> {
    pub(super) fn new(
        graph: &Graph,
        slide: Duration,
        parents: Vec<Arc<dyn AnyNode>>,
        compute: impl Fn(&Node<T>, Timestamp) -> Result<Option<Rdd<T>>> + Send + Sync + 'static,
    ) -> Self {
        let kept = Kept {
            remember: Duration::ZERO,
            looked_back_at: false,
            level: StorageLevel::None,
            keep: Rdd::keep_at,
            carried: None,
            made: BTreeMap::new(),
        };
        let (timeline, keeper) = (Arc::clone(&graph.timeline), Arc::clone(&graph.keeper));
        let compute = Box::new(compute);
        Self { timeline, keeper, slide, parents, kept: Mutex::new(kept), compute }
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
        let (known, looked_back_at, codec) = {
            let kept = self.kept();
            let known = kept.made.get(&time).map(|made| (made.rdd.clone(), made.form));
            (known, kept.looked_back_at, kept.carried.map(|(_, codec)| codec))
        };
        let (rdd, form) = match known {
            Some((rdd, form)) if !looked_back_at || form == Form::InMemory => return Ok(Some(rdd)),
            Some((rdd, _)) => (rdd, Form::InMemory),
            None => match (self.compute)(self, time)? {
                Some(rdd) if looked_back_at => (rdd, Form::InMemory),
                Some(rdd) => (rdd, Form::Lineage),
                None => return Ok(None),
            },
        };
        let rdd = if form == Form::InMemory { self.keeper.keep(&rdd, "kept", codec)? } else { rdd };
        self.put(time, rdd.clone(), form);
        Ok(Some(rdd))
    }

    /// Gives the node its data set of `time`.
    pub(super) fn put(&self, time: Timestamp, rdd: Rdd<T>, form: Form) {
        let mut kept = self.kept();
        if kept.level != StorageLevel::None && form == Form::Lineage {
            let _same = (kept.keep)(&rdd, kept.level);
        }
        kept.made.insert(time, Made { rdd, form });
    }

    /// Keeps the records of each data set made from now on, as `level` says, by `keep`.
    pub(super) fn persist(&self, level: StorageLevel, keep: Keep<T>) {
        let mut kept = self.kept();
        (kept.level, kept.keep) = (level, keep);
    }

    /// Others will ask for the data sets of the last `length`.
    pub(super) fn look_back(&self, length: Duration) {
        self.kept().looked_back_at = true;
        self.remember(length);
    }

    /// What the node makes is written to checkpoints, as the operation called `name`.
    pub(super) fn carry(&self, name: &'static str)
    where
        T: StateData,
    {
        self.kept().carried.get_or_insert((name, Codec::of()));
    }

    /// Those that are remembered, from `from` to `to`, in order.
    pub(super) fn slice(&self, from: Timestamp, to: Timestamp) -> Vec<Rdd<T>> {
        let kept = self.kept();
        let within = kept.made.iter().filter(|(time, _)| from <= **time && **time <= to);
        within.map(|(_, made)| made.rdd.clone()).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Record> AnyNode for Node<T> {
    fn remember(&self, length: Duration) {
        let mut kept = Node::kept(self);
        kept.remember = kept.remember.max(length);
    }

    fn forget(&self, time: Timestamp) {
        let mut kept = Node::kept(self);
        let last = time - kept.remember;
        let newer = kept.made.split_off(&(last + Duration::from_millis(1)));
        let gone = std::mem::replace(&mut kept.made, newer);
        let persisted = kept.level != StorageLevel::None;
        // Letting go of a data set frees its blocks, which takes other locks.
        drop(kept);
        for made in gone.into_values().filter(|made| persisted && made.form == Form::Lineage) {
            let _same = made.rdd.unpersist();
        }
    }

    fn parents(&self) -> &[Arc<dyn AnyNode>] {
        &self.parents
    }

    fn is_looked_back_at(&self) -> bool {
        Node::kept(self).looked_back_at
    }

    fn make(&self, time: Timestamp) -> Result<()> {
        self.at(time).map(drop)
    }

    fn carried(&self) -> Option<&'static str> {
        Node::kept(self).carried.map(|(name, _)| name)
    }

    fn remembered(&self) -> Duration {
        Node::kept(self).remember
    }

    fn kept(&self) -> Vec<Timestamp> {
        Node::kept(self).made.keys().copied().collect()
    }

    fn save(&self, time: Timestamp) -> Result<Vec<Vec<u8>>> {
        let (rdd, carried) = {
            let kept = Node::kept(self);
            (kept.made.get(&time).map(|made| made.rdd.clone()), kept.carried)
        };
        match (rdd, carried) {
            (Some(rdd), Some((_, codec))) => rdd.encoded(codec),
            _ => Err(Failure::internal(format!("a stream has no data set of {time} to write down"))),
        }
    }

    fn parts(&self, time: Timestamp) -> Option<Vec<SavedBlock>> {
        Node::kept(self).made.get(&time).and_then(|made| made.rdd.parts())
    }

    fn restore_parts(&self, context: &Context, time: Timestamp, parts: Vec<SavedBlock>) -> Result<()> {
        let Some((name, codec)) = Node::kept(self).carried else {
            return Err(Failure::internal("a stream that is not carried was written down"));
        };
        let rdd = context.of_parts(name, codec, parts, self.keeper.shelf(), time);
        self.put(time, rdd, Form::InMemory);
        Ok(())
    }

    fn restore(&self, context: &Context, time: Timestamp, blocks: &[Vec<u8>]) -> Result<()> {
        let Some((name, codec)) = Node::kept(self).carried else {
            return Err(Failure::internal("a stream that is not carried was written down"));
        };
        let rdd = context.decoded(name, codec, blocks)?;
        self.put(time, rdd, Form::InMemory);
        Ok(())
    }
}
