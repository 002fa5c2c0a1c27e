//! A stream of data sets that the program hands in.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_model::time::Timestamp;
use millstream_runtime::microbatch::{Input, Logged, ReceiverEvents, Taken};

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

impl QueueMode {
    /// How many of `waiting` make the next batch.
    fn of(self, waiting: usize) -> usize {
        match self {
            Self::OneAtATime => waiting.min(1),
            Self::AllAtOnce => waiting,
        }
    }
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
        let count = mode.of(waiting.len());
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
    /// On a cluster: how many were counted for batches that were cut and not processed, and how many for the last.
    pub(in crate::dstream) counted: (AtomicUsize, AtomicUsize),
}

impl<T: Record> Queued<T> {
    fn put(&self, time: Timestamp, taken: &[Rdd<T>]) {
        let rdd = match (taken, &self.default) {
            ([one], _) => one.clone(),
            ([], Some(default)) => default.clone(),
            (several, _) => self.context.union(several),
        };
        self.node.put(time, rdd, Form::Lineage);
    }
}

impl<T: Record> Input for Queued<T> {
    fn name(&self) -> String {
        "a queue of Rdds".to_owned()
    }

    fn start(&self, _: &ReceiverEvents) -> Result<()> {
        Ok(())
    }

    fn cut(&self, time: Timestamp) -> Result<u64> {
        self.put(time, &self.queue.take(self.mode));
        Ok(0)
    }

    /// The batch gets so many of those at the head, in each process of the program: those that are there by now.
    fn take(&self, _: Timestamp) -> Result<Taken> {
        let (ahead, last) = (&self.counted.0, &self.counted.1);
        let waiting = self.queue.waiting();
        let left = waiting.len().saturating_sub(ahead.load(Ordering::SeqCst));
        let count = self.mode.of(left);
        ahead.fetch_add(count, Ordering::SeqCst);
        last.store(count, Ordering::SeqCst);
        Ok(Taken::default())
    }

    fn log(&self) -> Logged {
        let count = self.counted.1.load(Ordering::SeqCst).to_string();
        Logged { position: Vec::new(), batch: vec![count] }
    }

    fn again(&self, time: Timestamp, batch: &[String]) -> Result<()> {
        let count: usize = batch.first().and_then(|count| count.parse().ok()).unwrap_or(0);
        let mut waiting = self.queue.waiting();
        if waiting.len() < count {
            let (here, time) = (waiting.len(), time.millis());
            return Err(Failure::user(format!(
                "the batch of {time} ms has {count} data sets of a queue, of which {here} are in this process"
            ))
            .advice(
                "on a cluster fill the queue before start(), or in an output operation: all processes must find the same in it",
            ));
        }
        let taken: Vec<Rdd<T>> = waiting.drain(..count).collect();
        let _counted =
            self.counted.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |ahead| ahead.checked_sub(count));
        drop(waiting);
        self.put(time, &taken);
        Ok(())
    }
}
