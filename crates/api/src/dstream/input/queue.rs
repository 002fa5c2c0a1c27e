//! A stream of data sets that the program hands in.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_model::error::Result;
use millstream_model::record::Record;
use millstream_model::time::Timestamp;
use millstream_runtime::microbatch::{Input, ReceiverEvents};

use crate::dstream::node::{Form, Node};
use crate::rdd::{Context, Rdd};

/// How many data sets of a queue make a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum QueueMode {
    /// The one at its head.
    #[default]
    OneAtATime,
    /// All that are in it.
    AllAtOnce,
}

/// Data sets that wait to become batches. Cheap to clone; all clones are one queue, so that a program can add to it while
/// its stream runs.
///
/// ```
/// use millstream::dstream::RddQueue;
/// use millstream::rdd::Context;
///
/// let context = Context::new()?;
/// let queue = RddQueue::from(vec![context.range(0, 3)]);
/// queue.push(context.range(3, 6));
/// assert_eq!(queue.len(), 2);
/// # Ok::<(), millstream::Failure>(())
/// ```
pub struct RddQueue<T>(Arc<Mutex<VecDeque<Rdd<T>>>>);

impl<T> RddQueue<T> {
    /// An empty queue.
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Adds a data set at the end.
    pub fn push(&self, rdd: Rdd<T>) {
        self.waiting().push_back(rdd);
    }

    /// How many data sets wait.
    pub fn len(&self) -> usize {
        self.waiting().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Rdd<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, mode: QueueMode) -> Vec<Rdd<T>> {
        let mut waiting = self.waiting();
        let count = match mode {
            QueueMode::OneAtATime => waiting.len().min(1),
            QueueMode::AllAtOnce => waiting.len(),
        };
        waiting.drain(..count).collect()
    }
}

impl<T> Default for RddQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for RddQueue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for RddQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RddQueue({} waiting)", self.len())
    }
}

impl<T> From<Vec<Rdd<T>>> for RddQueue<T> {
    fn from(rdds: Vec<Rdd<T>>) -> Self {
        Self(Arc::new(Mutex::new(rdds.into())))
    }
}

/// The input behind [`queue_stream`](crate::dstream::StreamingContext::queue_stream).
pub(in crate::dstream) struct Queued<T> {
    pub(in crate::dstream) context: Context,
    pub(in crate::dstream) node: Arc<Node<T>>,
    pub(in crate::dstream) queue: RddQueue<T>,
    pub(in crate::dstream) mode: QueueMode,
    pub(in crate::dstream) default: Option<Rdd<T>>,
}

impl<T: Record> Input for Queued<T> {
    fn name(&self) -> String {
        "a queue of Rdds".to_owned()
    }

    fn start(&self, _: &ReceiverEvents) -> Result<()> {
        Ok(())
    }

    fn cut(&self, time: Timestamp) -> Result<u64> {
        let taken = self.queue.take(self.mode);
        let rdd = match (taken.as_slice(), &self.default) {
            ([one], _) => one.clone(),
            ([], Some(default)) => default.clone(),
            (several, _) => self.context.union(several),
        };
        self.node.put(time, rdd, Form::Lineage);
        Ok(0)
    }
}
