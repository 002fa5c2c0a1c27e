//! The sink of `execute_and_collect()`: records into the memory of the program, as it takes them.
//!
//! Answers for a bound on what waits to be taken, so that a program that stops taking stops its sources, and, where
//! checkpoints are taken, for each record coming once whatever fails in between.
//! Holds: within a subtask, records come in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::Cancelled;
use millstream_dataflow::sink::{Committer, Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::Result;
use millstream_model::id::CheckpointId;

use super::chunk::Chunk;
use super::counts::Passed;

/// How many chunks may wait.
const ROOM: usize = 64;
/// How often a writer without room looks whether the job is cancelled.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Gathered {
    ready: VecDeque<Chunk>,
    /// What was staged, by subtask and checkpoint.
    staged: BTreeMap<(u32, u64), Vec<Chunk>>,
    /// Nobody takes any more.
    is_closed: bool,
}

/// What waits for the program.
#[derive(Default)]
pub(super) struct Collected {
    gathered: Mutex<Gathered>,
    changed: Condvar,
}

impl Collected {
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next chunk, waiting for it for a while.
    pub(super) fn take(&self, patience: Duration) -> Option<Chunk> {
        let mut gathered = self.lock();
        if gathered.ready.is_empty() {
            gathered =
                self.changed.wait_timeout(gathered, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
        let taken = gathered.ready.pop_front();
        self.changed.notify_all();
        taken
    }

    /// Lets everything go that comes from now on.
    pub(super) fn close(&self) {
        let mut gathered = self.lock();
        gathered.is_closed = true;
        gathered.ready.clear();
        self.changed.notify_all();
    }
}

/// With `is_exact`, records come once their checkpoint is complete; else at once.
pub(super) struct Collect {
    pub(super) collected: Arc<Collected>,
    pub(super) is_exact: bool,
    pub(super) passed: Arc<Passed>,
}

struct Writer {
    collected: Arc<Collected>,
    is_exact: bool,
    passed: Arc<Passed>,
    open: Vec<Chunk>,
    subtask: u32,
    cancelled: Cancelled,
}

impl Sink for Collect {
    type Record = Chunk;
    /// The subtask and the checkpoint.
    type Staged = (u32, u64);
    type State = ();

    fn name(&self) -> String {
        "Collect".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtMostOnce
    }

    fn stays_in_the_process(&self) -> bool {
        true
    }

    fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        let subtask = context.subtask.index;
        // What an attempt before this one staged and did not commit comes again.
        self.collected.lock().staged.retain(|(of, _), _| *of != subtask);
        Ok(Box::new(Writer {
            collected: self.collected.clone(),
            is_exact: self.is_exact,
            passed: self.passed.clone(),
            open: Vec::new(),
            subtask,
            cancelled: context.cancelled,
        }))
    }

    fn committer(&self) -> Result<Option<Box<dyn Committer<(u32, u64)>>>> {
        Ok(self.is_exact.then(|| Box::new(Commits(self.collected.clone())) as _))
    }
}

impl SinkWriter<Chunk, (u32, u64), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<Chunk>) -> Result<()> {
        let chunks = batch.take_records();
        self.passed.came(chunks.iter().map(Chunk::rows).sum());
        if self.is_exact {
            self.open.extend(chunks);
            return Ok(());
        }
        let mut gathered = self.collected.lock();
        while gathered.ready.len() >= ROOM && !gathered.is_closed {
            self.cancelled.wait(Duration::ZERO)?;
            let waited = self.collected.changed.wait_timeout(gathered, LOOK);
            gathered = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if !gathered.is_closed {
            gathered.ready.extend(chunks);
            self.collected.changed.notify_all();
        }
        Ok(())
    }

    fn prepare(&mut self, checkpoint: CheckpointId) -> Result<Vec<(u32, u64)>> {
        if !self.is_exact {
            return Ok(Vec::new());
        }
        let place = (self.subtask, checkpoint.0);
        let staged = std::mem::take(&mut self.open);
        self.collected.lock().staged.insert(place, staged);
        Ok(vec![place])
    }
}

struct Commits(Arc<Collected>);

impl Committer<(u32, u64)> for Commits {
    fn commit(&mut self, staged: Vec<(u32, u64)>) -> Result<()> {
        let mut gathered = self.0.lock();
        for place in staged {
            // What is not there was committed before, or by a process that is gone.
            if let Some(chunks) = gathered.staged.remove(&place)
                && !gathered.is_closed
            {
                gathered.ready.extend(chunks);
            }
        }
        self.0.changed.notify_all();
        Ok(())
    }
}
