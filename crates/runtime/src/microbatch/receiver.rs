//! A thread that reads a source into blocks.
//!
//! Answers for driving a source outside of a stream job, one reader of all its splits, and for telling how it ended. Not
//! for reading (the source's reader does) nor for the bound (the blocks do).
//! Holds: the thread has ended when `stop` returns; what it took in before is there to be cut. A source is told that a
//! checkpoint is complete for records whose batches are done, and for no others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::panic_message;
use millstream_dataflow::operator::{ChainContext, Control, Downstream};
use millstream_dataflow::source::{NextSplit, Polled, Source, SourceOutput, SourceReader, SplitEnumerator};
use millstream_model::error::{Failure, Result};
use millstream_model::id::{CheckpointId, Subtask};
use millstream_model::time::Timestamp;

use super::blocks::{Blocks, HoldLimits, Levels};
use super::given::{Given, GivenBlock, Taken};
use super::input::{Input, ReceiverEvent, ReceiverEvents};
use super::status::ReceiverStatus;

/// How long a reader may wait for records before it is asked again: the longest that a stop waits for it.
const PATIENCE: Duration = Duration::from_millis(50);
/// How soon a reader that has splits to read is given those that were found meanwhile.
const ASK_FOR_MORE: Duration = Duration::from_millis(200);

/// Takes the runs of records of a batch, in the order in which they came.
type Deliver<T> = Box<dyn Fn(Timestamp, Vec<Batch<T>>) -> Result<()> + Send + Sync>;

/// The runs of records of a batch as bytes, a block for each partition.
type Encode<T> = Box<dyn Fn(Vec<Batch<T>>) -> Result<Vec<Vec<u8>>> + Send + Sync>;
/// Takes what was encoded.
type Give = Box<dyn Fn(Timestamp, Vec<GivenBlock>) -> Result<()> + Send + Sync>;

/// A source, read from the start of the program on.
pub struct Receiver<S: Source> {
    deliver: Deliver<S::Record>,
    /// How other processes get what was received.
    shared: Option<(Encode<S::Record>, Give)>,
    source: Arc<S>,
    name: String,
    interval: Duration,
    blocks: Arc<Blocks<S::Record>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl<S: Source> Receiver<S> {
    /// Reads `source`, called `name`, within `limits`, each record counting with what `weigh` gives in bytes; `deliver` gets
    /// what came for each batch.
    pub fn new(
        source: S,
        name: String,
        limits: HoldLimits,
        weigh: fn(&S::Record) -> usize,
        deliver: Deliver<S::Record>,
    ) -> Self {
        Self {
            deliver,
            shared: None,
            source: Arc::new(source),
            name,
            interval: Duration::ZERO,
            blocks: Arc::new(Blocks::new(limits, weigh)),
            thread: Mutex::new(None),
        }
    }

    /// Says how often batches are cut: a source whose senders do not wait for so long refuses it at the start.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Says how the records of a batch are told to other processes: `encode` makes a block of each partition, and `give` takes
    /// them in each process.
    #[must_use]
    pub fn shared(
        mut self,
        encode: impl Fn(Vec<Batch<S::Record>>) -> Result<Vec<Vec<u8>>> + Send + Sync + 'static,
        give: impl Fn(Timestamp, Vec<GivenBlock>) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.shared = Some((Box::new(encode), Box::new(give)));
        self
    }

    fn status(&self, levels: Levels) -> ReceiverStatus {
        ReceiverStatus {
            name: self.name.clone(),
            active: self.thread().as_ref().is_some_and(|thread| !thread.is_finished()),
            waits: levels.waits,
            records_received: levels.received,
            records_held: levels.held.records,
            most_records_held: levels.most.records,
            bytes_held: levels.held.bytes,
            most_bytes_held: levels.most.bytes,
        }
    }

    fn thread(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of the chain behind the source's reader.
struct IntoBlocks<'a, T>(&'a Blocks<T>);

impl<T> Downstream<T> for IntoBlocks<'_, T> {
    fn open(&mut self, _: &mut ChainContext<'_>) -> Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.0.push(batch);
        Ok(())
    }

    fn control(&mut self, _: &mut Control<'_>) -> Result<()> {
        Ok(())
    }
}

/// Tells a source what is safe: it is asked for its place now and then, and told that this is a completed checkpoint once the
/// batches of all records before it are done.
#[derive(Default)]
struct Acknowledged {
    checkpoint: u64,
    /// How many records stood before the place last asked for.
    marked: u64,
    /// Whether it is waited for.
    waits: bool,
}

impl Acknowledged {
    fn look<T, S>(&mut self, levels: Levels, reader: &mut dyn SourceReader<T, S>) -> Result<()> {
        let done = levels.received - levels.held.records as u64;
        if self.waits && done >= self.marked {
            self.checkpoint += 1;
            self.waits = false;
            reader.on_checkpoint_complete(CheckpointId(self.checkpoint))?;
        }
        if !self.waits && levels.received > self.marked {
            // Nothing goes on from the splits themselves: a receiver that starts anew begins anew.
            let _ = reader.snapshot();
            (self.marked, self.waits) = (levels.received, true);
        }
        Ok(())
    }
}

fn receive<S: Source>(
    source: &S,
    splits: &mut dyn SplitEnumerator<S::Split>,
    blocks: &Blocks<S::Record>,
) -> Result<()> {
    let alone = Subtask { index: 0, of: 1 };
    let mut reader = source.reader(alone)?;
    let (mut into, mut asked) = (IntoBlocks(blocks), None::<Instant>);
    let mut acknowledged = Acknowledged::default();
    while !blocks.is_stopped() {
        let needs = reader.poll(&mut SourceOutput::new(&mut into), PATIENCE)? == Polled::NeedSplit;
        acknowledged.look(blocks.levels(), &mut *reader)?;
        let is_due = reader.takes_more() && asked.is_none_or(|asked| asked.elapsed() >= ASK_FOR_MORE);
        if !needs && !is_due {
            continue;
        }
        asked = Some(Instant::now());
        match splits.next_split(alone)? {
            NextSplit::Split(split) => {
                reader.add_split(split)?;
                asked = None; // another may wait already
            }
            NextSplit::Wait if needs => blocks.wait_for_stop(PATIENCE),
            NextSplit::NoMore if needs => break,
            NextSplit::Wait | NextSplit::NoMore => {}
        }
    }
    Ok(())
}

impl<S: Source> Input for Receiver<S> {
    fn start(&self, events: &ReceiverEvents) -> Result<()> {
        self.source.check_checkpoints(Some(self.interval))?;
        let mut splits = self.source.enumerator(None)?;
        let (source, blocks) = (Arc::clone(&self.source), Arc::clone(&self.blocks));
        let (events, name) = (events.clone(), self.name.clone());
        let work = move || {
            events.tell(ReceiverEvent::Started(name.clone()));
            let ended = catch_unwind(AssertUnwindSafe(|| receive(&*source, &mut *splits, &blocks)))
                .unwrap_or_else(|panic| Err(panic_message(&*panic)));
            events.tell(match ended {
                Ok(()) => ReceiverEvent::Stopped(name),
                Err(failure) => ReceiverEvent::Failed(name, failure),
            });
        };
        let thread = std::thread::Builder::new().name(format!("receiver {}", self.name)).spawn(work);
        let thread = thread
            .map_err(|error| Failure::external("no thread can be started for a receiver").because(error))?;
        *self.thread() = Some(thread);
        Ok(())
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    /// What was taken in by an earlier process and was not written down is gone, and what comes now is read.
    fn resume(&self, _: &[String]) -> Result<()> {
        Ok(())
    }

    fn again(&self, time: Timestamp, _: &[String]) -> Result<()> {
        (self.deliver)(time, Vec::new())
    }

    fn cut(&self, time: Timestamp) -> Result<u64> {
        let runs = self.blocks.cut(time);
        let records = runs.iter().map(Batch::len).sum::<usize>() as u64;
        (self.deliver)(time, runs)?;
        Ok(records)
    }

    fn take(&self, time: Timestamp) -> Result<Taken> {
        let Some((encode, _)) = &self.shared else {
            let refused = Failure::user(format!("{} does not run on a cluster", self.name));
            return Err(refused.advice("run this program by itself"));
        };
        let runs = self.blocks.cut(time);
        let records = runs.iter().map(Batch::len).sum::<usize>() as u64;
        Ok(Taken { records, blocks: encode(runs)? })
    }

    fn give(&self, time: Timestamp, given: &Given) -> Result<()> {
        match &self.shared {
            Some((_, give)) => give(time, given.blocks.clone()),
            None => (self.deliver)(time, Vec::new()),
        }
    }

    fn done(&self, time: Timestamp) {
        self.blocks.done(time);
    }

    fn stop(&self) -> bool {
        self.blocks.stop();
        let thread = self.thread().take();
        if let Some(thread) = thread {
            // It reports its own panics.
            let _ended = thread.join();
        }
        self.blocks.has_open()
    }

    fn receiver(&self) -> Option<ReceiverStatus> {
        Some(self.status(self.blocks.levels()))
    }

    fn wait_for_receiver(&self, wanted: &dyn Fn(&ReceiverStatus) -> bool) -> Option<ReceiverStatus> {
        Some(self.status(self.blocks.wait_for_levels(|levels| wanted(&self.status(*levels)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::microbatch::blocks::Amount;

    /// Counts what it is told.
    #[derive(Default)]
    struct Told {
        asked: u32,
        complete: Vec<u64>,
    }

    impl SourceReader<u64, ()> for Told {
        fn add_split(&mut self, (): ()) -> Result<()> {
            Ok(())
        }

        fn poll(&mut self, _: &mut SourceOutput<'_, u64>, _: Duration) -> Result<Polled> {
            Ok(Polled::Nothing)
        }

        fn snapshot(&mut self) -> Vec<()> {
            self.asked += 1;
            Vec::new()
        }

        fn on_checkpoint_complete(&mut self, checkpoint: CheckpointId) -> Result<()> {
            self.complete.push(checkpoint.0);
            Ok(())
        }
    }

    #[test]
    fn a_source_is_told_of_records_once_their_batches_are_done_and_not_before() {
        let levels =
            |received, records| Levels { received, held: Amount { records, bytes: 0 }, ..Levels::default() };
        let (mut acknowledged, mut told) = (Acknowledged::default(), Told::default());
        let mut look = |received, held| {
            acknowledged.look(levels(received, held), &mut told).unwrap();
            (told.asked, told.complete.clone())
        };
        assert_eq!(look(0, 0), (0, vec![]), "there is nothing to be told of");
        assert_eq!(look(10, 10), (1, vec![]));
        assert_eq!(look(25, 16), (1, vec![]), "nine are done, and ten were marked");
        assert_eq!(look(30, 20), (2, vec![1]), "the ten are done, and thirty are marked");
        assert_eq!(look(30, 1), (2, vec![1]));
        assert_eq!(look(30, 0), (2, vec![1, 2]));
        assert_eq!(look(30, 0), (2, vec![1, 2]), "nothing new came");
    }
}
