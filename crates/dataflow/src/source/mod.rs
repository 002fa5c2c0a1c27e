//! Where records come from.
//!
//! Answers for the contract between a connector and the runtime: what can be read alone (a split), who finds it (the
//! enumerator), who reads it (the reader), and what can be asked again after a failure (the promise). Not for any
//! connector in particular.
//! Holds: a split carries its position; what a reader has read and not yet emitted is in no checkpoint.

mod driver;
mod emit;
mod gauge;

pub use driver::{AnyEnumerator, AnyReader, AnySource, EncodedSplit, SPLITS, SourceAdapter};
pub use emit::SourceOutput;
pub use gauge::SourceGauge;

use std::time::Duration;

use millstream_model::error::Result;
use millstream_model::id::{CheckpointId, Subtask};
use millstream_model::record::Record;

use crate::state::StateData;

/// What becomes of a record when a job is killed and started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// It may be lost, never doubled.
    AtMostOnce,
    /// It may be doubled, never lost.
    AtLeastOnce,
    /// Neither.
    ExactlyOnce,
}

impl std::fmt::Display for Promise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AtMostOnce => "at most once",
            Self::AtLeastOnce => "at least once",
            Self::ExactlyOnce => "exactly once",
        })
    }
}

/// Whether a source ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundedness {
    /// It ends by itself.
    Bounded,
    /// It goes on until the job is stopped.
    Unbounded,
}

/// A part of a source that is read and resumed alone, with the position up to which it has been read.
pub trait Split: StateData {
    /// What tells it from the other splits of its source; shown to people.
    fn id(&self) -> String;
}

/// A source: makes the enumerator (one for a job) and the readers (one for each subtask).
pub trait Source: Send + Sync + 'static {
    /// What it emits.
    type Record: Record;
    /// What its readers read.
    type Split: Split;

    /// A short name, for people: `TextFiles`.
    fn name(&self) -> String;

    /// Whether it ends.
    fn boundedness(&self) -> Boundedness;

    /// What holds across a kill when checkpoints are taken.
    fn promise(&self) -> Promise;

    /// Told, before the job starts, how often it takes checkpoints; `None` if it takes none.
    ///
    /// # Errors
    /// If the source cannot keep its promise with these.
    fn check_checkpoints(&self, interval: Option<Duration>) -> Result<()> {
        let _ = interval;
        Ok(())
    }

    /// The enumerator; `restored` is what its [`SplitEnumerator::snapshot`] gave for the checkpoint.
    ///
    /// # Errors
    /// If what it is to read cannot be found, or the settings are wrong.
    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<Self::Split>>>;

    /// A reader without splits.
    ///
    /// # Errors
    /// If it cannot be made.
    fn reader(&self, subtask: Subtask) -> Result<Box<dyn SourceReader<Self::Record, Self::Split>>>;
}

/// What an enumerator answers to a reader that has nothing to read.
#[derive(Clone, Debug)]
pub enum NextSplit<S> {
    /// Read this.
    Split(S),
    /// Nothing for now; ask again.
    Wait,
    /// Nothing any more.
    NoMore,
}

/// Finds splits and hands them out. Lives with the job's coordinator, one for each source.
pub trait SplitEnumerator<S>: Send {
    /// The next split for a reader.
    ///
    /// # Errors
    /// If splits cannot be found any more.
    fn next_split(&mut self, subtask: Subtask) -> Result<NextSplit<S>>;

    /// Takes splits back that were handed out before a restart, with the position in each: they are handed out again
    /// before any new one.
    fn add_back(&mut self, splits: Vec<S>);

    /// What is needed to go on finding splits: which were found and handed out, and which still wait.
    ///
    /// # Errors
    /// If it cannot be encoded.
    fn snapshot(&mut self) -> Result<Vec<u8>>;
}

/// What came of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Records were emitted, or time was spent on the way to some; poll again at once.
    More,
    /// Nothing came within the time allowed.
    Nothing,
    /// All splits given so far are read to their ends.
    NeedSplit,
}

/// Reads splits. Lives in a subtask, on its thread.
pub trait SourceReader<T, S> {
    /// Takes a split to read from its position on.
    ///
    /// # Errors
    /// If it cannot be opened.
    fn add_split(&mut self, split: S) -> Result<()>;

    /// Emits a run of records, about a batch; waits no longer than `patience` (tens of milliseconds) for the first.
    ///
    /// # Errors
    /// If the source fails; say which file or peer, and where in it.
    fn poll(&mut self, output: &mut SourceOutput<'_, T>, patience: Duration) -> Result<Polled>;

    /// Whether it takes another split although it has some to read: then it is given those that are found while it reads.
    /// One that reads one split after the other says no.
    fn takes_more(&self) -> bool {
        false
    }

    /// The splits that are not read to their ends, each with the position behind the last record *emitted*.
    fn snapshot(&mut self) -> Vec<S>;

    /// What it tells those who watch the job, of the splits that it reads; asked for about once a second.
    fn gauges(&self) -> Vec<SourceGauge> {
        Vec::new()
    }

    /// A checkpoint that this reader took part in is complete.
    ///
    /// # Errors
    /// If the source cannot be told.
    fn on_checkpoint_complete(&mut self, checkpoint: CheckpointId) -> Result<()> {
        let _ = checkpoint;
        Ok(())
    }
}
