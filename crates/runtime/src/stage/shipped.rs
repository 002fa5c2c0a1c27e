//! Jobs that executors are told, where they do not come to them by running the program themselves.
//!
//! Answers for what a front door has to bring for it: a way to read an action that was shipped, and things that it lends to
//! tasks. Not for the bytes: only who wrote them knows what they mean.
//! Holds: what is lent is read when a task asks for it, not before.

use std::net::SocketAddr;
use std::sync::Arc;

use millstream_dataflow::lineage::{Dataset, Pull, TaskContext};
use millstream_model::error::Result;
use millstream_model::record::Record;

use super::action::{Action, ResultCodec};
use super::fetch::{Reader, Wanted};
use crate::control::{Bytes, StageEvent, ToJob};
use crate::executor::Executor;

/// An action that was shipped, as an executor runs tasks of it.
pub struct Received(pub(super) Action);

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Received(an action on {})", self.0.dataset.name())
    }
}

impl Received {
    /// `action` over each of `partitions` of `dataset`. Data sets and shuffles have the numbers that the program gave them.
    pub fn new<T: Record, R: Send + 'static>(
        codec: ResultCodec<R>,
        dataset: &Arc<dyn Dataset<T>>,
        partitions: &[usize],
        action: impl Fn(Box<dyn Pull<T>>, &TaskContext) -> Result<R> + Send + Sync + 'static,
    ) -> Self {
        Self(Action::new(Arc::default(), Some(codec), dataset, partitions, action))
    }
}

/// Reads actions that were shipped.
pub trait Receive: Send + Sync {
    /// Called on the thread that hears the master, so it must not wait; `lender` is for the tasks.
    ///
    /// # Errors
    /// If the bytes are none.
    fn receive(&self, what: &[u8], lender: Lender) -> Result<Received>;
}

/// What a program lends to its tasks.
pub trait Lends: Send + Sync {
    /// The bytes of something; `None` if it is not there any more.
    fn find(&self, shelf: u32, number: u64) -> Option<Arc<Vec<u8>>>;
}

/// The way from a task to its program.
#[derive(Clone)]
pub struct Lender {
    executor: Arc<Executor>,
    reader: Arc<Reader>,
    at: SocketAddr,
}

impl std::fmt::Debug for Lender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lender(at {})", self.at)
    }
}

impl Lender {
    pub(super) fn new(executor: Arc<Executor>, reader: Arc<Reader>, at: SocketAddr) -> Self {
        Self { executor, reader, at }
    }

    /// What the program lends; `None` if it does not any more.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub fn fetch(&self, shelf: u32, number: u64) -> Result<Option<Vec<u8>>> {
        let mut bytes = None;
        self.reader.each(self.at, &Wanted::Lent { shelf, number }, |frame| {
            bytes.get_or_insert_with(Vec::new).extend_from_slice(&frame);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Tells the program something on behalf of an attempt that is about to end well, given by the data set that its stage ends
    /// with, its partition and its number.
    ///
    /// # Errors
    /// If the program is gone.
    pub fn tell(&self, dataset: u64, partition: usize, attempt: u32, what: Vec<u8>) -> Result<()> {
        let told = StageEvent::Told { dataset, partition, attempt, what: Bytes(what) };
        self.executor.master().say(&ToJob::Stages(told))
    }
}
