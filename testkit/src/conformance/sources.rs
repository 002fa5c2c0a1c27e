//! The suite for sources.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{ChainContext, Control, Downstream};
use millstream_dataflow::source::{
    NextSplit, Polled, Promise, Source, SourceOutput, SourceReader, Split, SplitEnumerator,
};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::Result;
use millstream_model::id::Subtask;

/// How long a poll may take beyond its patience, so that a job can be cancelled within a second.
const SLACK: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_millis(10);

/// The end of a chain that keeps what comes.
pub struct Gather<T>(pub Arc<Mutex<Vec<T>>>);

impl<T> Downstream<T> for Gather<T> {
    fn open(&mut self, _: &mut ChainContext<'_>) -> Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.0.lock().unwrap().extend(batch.drain());
        batch.clear();
        Ok(())
    }

    fn control(&mut self, _: &mut Control<'_>) -> Result<()> {
        Ok(())
    }
}

type ReaderOf<S> = Box<dyn SourceReader<<S as Source>::Record, <S as Source>::Split>>;

/// A source being read by some readers, one poll after the other.
pub struct Run<S: Source> {
    enumerator: Box<dyn SplitEnumerator<S::Split>>,
    readers: Vec<(ReaderOf<S>, bool)>,
    records: Arc<Mutex<Vec<S::Record>>>,
}

/// What a checkpoint holds of a source.
type Snapshot = (Vec<u8>, Vec<Vec<u8>>);

impl<S: Source> Run<S> {
    /// Opens the source for `readers` subtasks, from a snapshot if there is one.
    ///
    /// # Errors
    /// Those of the source.
    pub fn open(source: &S, readers: u32, snapshot: Option<Snapshot>) -> Result<Self> {
        let (state, splits) = snapshot.map_or((None, Vec::new()), |(state, splits)| (Some(state), splits));
        let restored = state.is_some();
        let mut enumerator = source.enumerator(state)?;
        if restored {
            enumerator.add_back(splits.iter().map(|bytes| from_bytes(bytes).unwrap()).collect());
        }
        let subtasks = (0..readers).map(|index| Subtask { index, of: readers });
        let readers = subtasks.map(|subtask| Ok((source.reader(subtask)?, false))).collect::<Result<_>>()?;
        Ok(Self { enumerator, readers, records: Arc::default() })
    }

    /// Polls each reader once; `false` when all are at their end.
    ///
    /// # Errors
    /// Those of the source.
    pub fn step(&mut self) -> Result<bool> {
        let (of, mut all_done, mut gather) = (self.readers.len() as u32, true, Gather(self.records.clone()));
        for (index, (reader, done)) in self.readers.iter_mut().enumerate() {
            if *done {
                continue;
            }
            let begun = Instant::now();
            let polled = reader.poll(&mut SourceOutput::new(&mut gather), PATIENCE)?;
            assert!(begun.elapsed() < PATIENCE + SLACK, "a poll took {:?}", begun.elapsed());
            let needs = polled == Polled::NeedSplit;
            if needs || reader.takes_more() {
                match self.enumerator.next_split(Subtask { index: index as u32, of })? {
                    NextSplit::Split(split) => {
                        assert!(!split.id().is_empty(), "a split has no id");
                        reader.add_split(split)?;
                    }
                    NextSplit::NoMore if needs => *done = true,
                    NextSplit::Wait | NextSplit::NoMore => {}
                }
            }
            all_done &= *done;
        }
        Ok(!all_done)
    }

    /// What a checkpoint would hold now.
    pub fn snapshot(&mut self) -> Snapshot {
        let splits = self.readers.iter_mut().flat_map(|(reader, _)| reader.snapshot());
        let splits = splits.map(|split| to_bytes(&split).unwrap()).collect();
        (self.enumerator.snapshot().unwrap(), splits)
    }

    /// Takes the records that came.
    pub fn take(&mut self) -> Vec<S::Record> {
        std::mem::take(&mut *self.records.lock().unwrap())
    }
}

/// Checks a source that ends: all is read at every parallelism, and across a kill at each point its promise is kept.
/// `make` gives the source afresh, as a restarted program does.
pub fn check_source<S: Source>(make: impl Fn() -> S, expected: &[S::Record])
where
    S::Record: Ord + Debug,
{
    let mut expected = expected.to_vec();
    expected.sort();
    for readers in [1, 3] {
        let mut run = Run::open(&make(), readers, None).unwrap();
        while run.step().unwrap() {}
        let mut records = run.take();
        records.sort();
        assert_eq!(records, expected, "with {readers} readers");
        assert!(!run.step().unwrap() && run.take().is_empty(), "a source went on behind its end");
    }
    for (before, after) in [(1, 1), (2, 1), (1, 2)] {
        for kill in 0.. {
            let mut run = Run::open(&make(), before, None).unwrap();
            let ended = !(0..kill).all(|_| run.step().unwrap());
            let mut records = run.take();
            let snapshot = run.snapshot();
            run.step().unwrap();
            drop(run); // what came behind the snapshot is lost with the process
            let source = make();
            let mut run = Run::open(&source, after, Some(snapshot)).unwrap();
            while run.step().unwrap() {}
            records.extend(run.take());
            records.sort();
            match source.promise() {
                Promise::ExactlyOnce => {
                    assert_eq!(records, expected, "killed after {kill} polls of {before} readers");
                }
                Promise::AtLeastOnce => {
                    records.dedup();
                    assert_eq!(records, expected, "killed after {kill} polls of {before} readers");
                }
                Promise::AtMostOnce => assert!(records.len() <= expected.len(), "records were doubled"),
            }
            if ended {
                break;
            }
        }
    }
}

/// Checks that a source that has nothing to give lets its polls return in time, so that it can be cancelled.
pub fn check_idle<S: Source>(source: &S) {
    let mut run = Run::open(source, 1, None).unwrap();
    for _ in 0..5 {
        assert!(run.step().unwrap(), "an idle source has ended");
    }
    assert!(run.take().is_empty(), "an idle source gave records");
}
