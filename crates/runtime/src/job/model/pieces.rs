//! A source, an operator and a sink as small as they can be, for jobs under the model checker.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Operator, Output};
use millstream_dataflow::sink::{Committer, Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::{
    Boundedness, NextSplit, Polled, Promise, Source, SourceOutput, SourceReader, Split, SplitEnumerator,
};
use millstream_model::error::{Failure, Result};
use millstream_model::id::{CheckpointId, Subtask};
use serde::{Deserialize, Serialize};

/// The numbers from 0 on, in splits of so many, each record its own batch.
pub(super) struct Numbers {
    pub(super) splits: u64,
    pub(super) each: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    next: u64,
    end: u64,
}

impl Split for Run {
    fn id(&self) -> String {
        format!("up to {}", self.end)
    }
}

struct Splits {
    returned: Vec<Run>,
    next: u64,
    numbers: (u64, u64),
}

impl Source for Numbers {
    type Record = u64;
    type Split = Run;

    fn name(&self) -> String {
        "numbers".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<Run>>> {
        let next = restored.map_or(0, |bytes| u64::from(bytes[0]));
        Ok(Box::new(Splits { returned: Vec::new(), next, numbers: (self.splits, self.each) }))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<u64, Run>>> {
        Ok(Box::new(Reader(None)))
    }
}

impl SplitEnumerator<Run> for Splits {
    fn next_split(&mut self, _: Subtask) -> Result<NextSplit<Run>> {
        let (splits, each) = self.numbers;
        if let Some(run) = self.returned.pop() {
            return Ok(NextSplit::Split(run));
        }
        if self.next == splits {
            return Ok(NextSplit::NoMore);
        }
        self.next += 1;
        Ok(NextSplit::Split(Run { next: (self.next - 1) * each, end: self.next * each }))
    }

    fn add_back(&mut self, splits: Vec<Run>) {
        self.returned.extend(splits);
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        // What was given back and not handed out again is in no reader.
        assert!(self.returned.is_empty() || self.next < 256);
        Ok(vec![self.next as u8])
    }
}

struct Reader(Option<Run>);

impl SourceReader<u64, Run> for Reader {
    fn add_split(&mut self, split: Run) -> Result<()> {
        self.0 = Some(split);
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, u64>, _: Duration) -> Result<Polled> {
        let Some(run) = self.0.as_mut().filter(|run| run.next < run.end) else {
            self.0 = None;
            return Ok(Polled::NeedSplit);
        };
        run.next += 1;
        let record = run.next - 1;
        output.emit(&mut Batch::from(vec![record]))?;
        Ok(Polled::More)
    }

    fn snapshot(&mut self) -> Vec<Run> {
        self.0.iter().cloned().collect()
    }
}

/// Passes records on; fails once at one of them, if told to.
#[derive(Clone, Default)]
pub(super) struct Pass {
    pub(super) fails_at: Option<(u64, Arc<AtomicBool>)>,
}

impl Operator<u64, u64> for Pass {
    fn on_batch(&mut self, batch: &mut Batch<u64>, output: &mut Output<u64>) -> Result<()> {
        for record in batch.drain() {
            if let Some((at, failed)) = &self.fails_at
                && record == *at
                && !failed.swap(true, Ordering::Relaxed)
            {
                return Err(Failure::user("as it was told to"));
            }
            output.emit(record);
        }
        Ok(())
    }
}

/// What a sink has committed: by checkpoint and subtask, so that what is committed again changes nothing.
pub(super) type Committed = Arc<Mutex<BTreeMap<(u64, u32), Vec<u64>>>>;

/// Stages records with each checkpoint.
pub(super) struct Staging(pub(super) Committed);

struct Writer {
    subtask: u32,
    records: Vec<u64>,
}

type Staged = (u64, u32, Vec<u64>);

impl Sink for Staging {
    type Record = u64;
    type Staged = Staged;
    type State = ();

    fn name(&self) -> String {
        "staging".into()
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer { subtask: context.subtask.index, records: Vec::new() }))
    }

    fn committer(&self) -> Result<Option<Box<dyn Committer<Staged>>>> {
        Ok(Some(Box::new(Commits(self.0.clone()))))
    }
}

impl SinkWriter<u64, Staged, ()> for Writer {
    fn write(&mut self, batch: &mut Batch<u64>) -> Result<()> {
        self.records.extend(batch.drain());
        Ok(())
    }

    fn prepare(&mut self, checkpoint: CheckpointId) -> Result<Vec<Staged>> {
        Ok(vec![(checkpoint.0, self.subtask, std::mem::take(&mut self.records))])
    }
}

struct Commits(Committed);

impl Committer<Staged> for Commits {
    fn commit(&mut self, staged: Vec<Staged>) -> Result<()> {
        let mut committed = self.0.lock().unwrap();
        committed.extend(
            staged.into_iter().map(|(checkpoint, subtask, records)| ((checkpoint, subtask), records)),
        );
        Ok(())
    }
}
