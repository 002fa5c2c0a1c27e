//! A sink into the memory of the program.
//!
//! Answers for handing records to the program as they come, and for taking back what a failed attempt had written and
//! nobody has taken. Not for anything across processes: what a killed program had in memory is gone.
//! Holds: within the process, once a job has ended well, each result is there exactly once, in the order of its subtask;
//! so it is at any time with what [`CollectHandle::take_committed`] gives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Committer, Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::Result;
use millstream_model::id::CheckpointId;
use millstream_model::record::Record;

/// Gathers records for a [`CollectHandle`].
#[derive(Debug)]
pub struct Collect<T>(Arc<Mutex<Gathered<T>>>);

/// Where the program finds what a [`Collect`] has gathered, while the job runs and after.
#[derive(Clone, Debug)]
pub struct CollectHandle<T>(Arc<Mutex<Gathered<T>>>);

#[derive(Debug)]
struct Gathered<T> {
    /// What belongs to complete checkpoints.
    committed: Vec<T>,
    /// For each subtask: what it has written since.
    written: BTreeMap<u32, Written<T>>,
}

#[derive(Debug)]
struct Written<T> {
    /// What is to be committed, by the checkpoint that it was staged for.
    staged: BTreeMap<u64, Vec<T>>,
    /// What came since the last barrier.
    open: Vec<T>,
}

impl<T> Default for Written<T> {
    fn default() -> Self {
        Self { staged: BTreeMap::new(), open: Vec::new() }
    }
}

/// Lists that are only ever appended to or taken are whole even if a thread died holding them.
fn open<T>(gathered: &Mutex<Gathered<T>>) -> MutexGuard<'_, Gathered<T>> {
    gathered.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Record> Collect<T> {
    /// The sink, and the handle of what it gathers.
    #[allow(clippy::new_ret_no_self, reason = "the sink is of no use without the handle")]
    pub fn new() -> (Self, CollectHandle<T>) {
        let gathered = Gathered { committed: Vec::new(), written: BTreeMap::new() };
        let gathered = Arc::new(Mutex::new(gathered));
        (Self(gathered.clone()), CollectHandle(gathered))
    }
}

impl<T> CollectHandle<T> {
    /// Takes out all that has come so far, as soon as it comes. What is taken while the job runs comes once more if the
    /// job fails and is started again from a checkpoint before it.
    pub fn take(&self) -> Vec<T> {
        let mut gathered = open(&self.0);
        let mut all = std::mem::take(&mut gathered.committed);
        for written in gathered.written.values_mut() {
            // The staged lists stay, empty: their checkpoints may still be committed.
            written.staged.values_mut().for_each(|staged| all.append(staged));
            all.append(&mut written.open);
        }
        all
    }

    /// Takes out what belongs to complete checkpoints (without checkpoints: to a job that has come to its end): each
    /// result exactly once, whatever fails.
    pub fn take_committed(&self) -> Vec<T> {
        std::mem::take(&mut open(&self.0).committed)
    }
}

struct Writer<T> {
    gathered: Arc<Mutex<Gathered<T>>>,
    subtask: u32,
}

/// What was staged: by which subtask, for which checkpoint.
type Staged = (u32, u64);

impl<T> SinkWriter<T, Staged, ()> for Writer<T> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        open(&self.gathered).written.entry(self.subtask).or_default().open.extend(batch.drain());
        batch.clear();
        Ok(())
    }

    fn prepare(&mut self, checkpoint: CheckpointId) -> Result<Vec<Staged>> {
        let mut gathered = open(&self.gathered);
        let written = gathered.written.entry(self.subtask).or_default();
        let staged = std::mem::take(&mut written.open);
        written.staged.insert(checkpoint.0, staged);
        Ok(vec![(self.subtask, checkpoint.0)])
    }
}

struct Commits<T>(Arc<Mutex<Gathered<T>>>);

impl<T: Record> Committer<Staged> for Commits<T> {
    fn commit(&mut self, staged: Vec<Staged>) -> Result<()> {
        let gathered = &mut *open(&self.0);
        for (subtask, checkpoint) in staged {
            // What is not there was committed before, or by a process that is gone.
            let written = gathered.written.get_mut(&subtask);
            if let Some(records) = written.and_then(|written| written.staged.remove(&checkpoint)) {
                gathered.committed.extend(records);
            }
        }
        Ok(())
    }
}

impl<T: Record> Sink for Collect<T> {
    type Record = T;
    type Staged = Staged;
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
        // What an attempt before this one wrote and did not commit comes again.
        open(&self.0).written.remove(&context.subtask.index);
        Ok(Box::new(Writer { gathered: self.0.clone(), subtask: context.subtask.index }))
    }

    fn committer(&self) -> Result<Option<Box<dyn Committer<Staged>>>> {
        Ok(Some(Box::new(Commits(self.0.clone()))))
    }
}

#[cfg(test)]
mod tests {
    use millstream_dataflow::operator::Wakeup;
    use millstream_model::id::Subtask;

    use super::*;

    fn writer(sink: &Collect<u64>) -> WriterOf<Collect<u64>> {
        let subtask = Subtask { index: 0, of: 1 };
        sink.writer(
            WriterContext { subtask, wakeup: Wakeup::default(), cancelled: Default::default() },
            Vec::new(),
        )
        .unwrap()
    }

    #[test]
    fn a_new_attempt_takes_back_what_the_last_one_did_not_commit() {
        let (sink, found) = Collect::new();
        let mut first = writer(&sink);
        first.write(&mut Batch::from(vec![1, 2])).unwrap();
        let staged = first.prepare(CheckpointId(1)).unwrap();
        first.write(&mut Batch::from(vec![3])).unwrap();
        first.prepare(CheckpointId(2)).unwrap();
        first.write(&mut Batch::from(vec![4])).unwrap();
        sink.committer().unwrap().unwrap().commit(staged.clone()).unwrap();
        drop(first);
        sink.committer().unwrap().unwrap().commit(staged).unwrap();
        writer(&sink).write(&mut Batch::from(vec![3])).unwrap();
        assert_eq!(found.take(), [1, 2, 3]);
    }

    #[test]
    fn what_is_taken_at_once_is_not_committed_once_more() {
        let (sink, found) = Collect::new();
        let mut writer = writer(&sink);
        writer.write(&mut Batch::from(vec![1])).unwrap();
        let staged = writer.prepare(CheckpointId(1)).unwrap();
        writer.write(&mut Batch::from(vec![2])).unwrap();
        assert_eq!((found.take_committed(), found.take()), (vec![], vec![1, 2]));
        sink.committer().unwrap().unwrap().commit(staged).unwrap();
        assert!(found.take().is_empty());
    }
}
