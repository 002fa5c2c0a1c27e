//! A source whose record and split types are hidden, as the runtime sees it.
//!
//! Answers for encoding splits at the border, so that the coordinator, checkpoints and other processes need not know
//! their type. Not for when anything is called.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::id::{CheckpointId, Subtask};
use serde::{Deserialize, Serialize};

use super::{
    Boundedness, NextSplit, Polled, Promise, Source, SourceGauge, SourceOutput, SourceReader, Split,
    SplitEnumerator,
};
use crate::operator::{ChainContext, Control, Downstream, FanOut};
use crate::state::encoding::{from_bytes, to_bytes};
use crate::state::snapshot::OperatorPart;

/// The name of the operator state that holds a reader's splits.
pub const SPLITS: &str = "splits";

/// A split on its way between enumerator, reader and checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodedSplit {
    /// What it is called.
    pub id: String,
    /// The split with its position.
    pub bytes: Vec<u8>,
}

/// A [`Source`] of hidden types.
pub trait AnySource: Send + Sync {
    /// As [`Source::name`].
    fn name(&self) -> String;
    /// As [`Source::boundedness`].
    fn boundedness(&self) -> Boundedness;
    /// As [`Source::promise`].
    fn promise(&self) -> Promise;
    /// As [`Source::check_checkpoints`].
    ///
    /// # Errors
    /// As there.
    fn check_checkpoints(&self, interval: Option<Duration>) -> Result<()>;
    /// As [`Source::enumerator`]; `splits` are those that readers had at the checkpoint.
    ///
    /// # Errors
    /// As there, or if the splits are of another program.
    fn enumerator(&self, restored: Option<Vec<u8>>, splits: Vec<Vec<u8>>) -> Result<Box<dyn AnyEnumerator>>;
    /// A reader in front of `downstream`, a `Box<dyn Downstream<Source::Record>>`; `None` if nobody reads it.
    ///
    /// # Errors
    /// As [`Source::reader`].
    fn reader(&self, subtask: Subtask, downstream: Option<Box<dyn Any>>) -> Result<Box<dyn AnyReader>>;
}

/// A [`SplitEnumerator`] of hidden types.
pub trait AnyEnumerator: Send {
    /// As [`SplitEnumerator::next_split`].
    ///
    /// # Errors
    /// As there.
    fn next_split(&mut self, subtask: Subtask) -> Result<NextSplit<EncodedSplit>>;
    /// As [`SplitEnumerator::snapshot`].
    ///
    /// # Errors
    /// As there.
    fn snapshot(&mut self) -> Result<Vec<u8>>;
}

/// A [`SourceReader`] of hidden types, with the chain behind it.
pub trait AnyReader {
    /// Opens the chain behind the reader.
    ///
    /// # Errors
    /// If an operator cannot be opened.
    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()>;
    /// As [`SourceReader::add_split`].
    ///
    /// # Errors
    /// As there.
    fn add_split(&mut self, split: &EncodedSplit) -> Result<()>;
    /// As [`SourceReader::poll`].
    ///
    /// # Errors
    /// As there, or the failure of an operator of the chain.
    fn poll(&mut self, patience: Duration) -> Result<Polled>;
    /// As [`SourceReader::takes_more`].
    fn takes_more(&self) -> bool;
    /// Sends a control element down the chain.
    ///
    /// # Errors
    /// The failure of an operator of the chain.
    fn control(&mut self, control: &mut Control<'_>) -> Result<()>;
    /// The splits, with their positions, as operator state.
    ///
    /// # Errors
    /// If they cannot be encoded.
    fn snapshot(&mut self) -> Result<OperatorPart>;
    /// As [`SourceReader::gauges`].
    fn gauges(&self) -> Vec<SourceGauge>;
    /// As [`SourceReader::on_checkpoint_complete`].
    ///
    /// # Errors
    /// As there.
    fn on_checkpoint_complete(&mut self, checkpoint: CheckpointId) -> Result<()>;
}

/// Hides the types of a source.
pub struct SourceAdapter<S>(pub Arc<S>);

impl<S: Source> AnySource for SourceAdapter<S> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn boundedness(&self) -> Boundedness {
        self.0.boundedness()
    }

    fn promise(&self) -> Promise {
        self.0.promise()
    }

    fn check_checkpoints(&self, interval: Option<Duration>) -> Result<()> {
        self.0.check_checkpoints(interval)
    }

    fn enumerator(&self, restored: Option<Vec<u8>>, splits: Vec<Vec<u8>>) -> Result<Box<dyn AnyEnumerator>> {
        let mut enumerator = self.0.enumerator(restored)?;
        let splits = splits.iter().map(|bytes| decode::<S::Split>(bytes)).collect::<Result<Vec<_>>>()?;
        enumerator.add_back(splits);
        Ok(Box::new(EnumeratorAdapter(enumerator)))
    }

    fn reader(&self, subtask: Subtask, downstream: Option<Box<dyn Any>>) -> Result<Box<dyn AnyReader>> {
        let downstream = match downstream {
            None => Box::new(FanOut::new(Vec::new())) as Box<dyn Downstream<S::Record>>,
            Some(any) => *any.downcast::<Box<dyn Downstream<S::Record>>>().map_err(|_| {
                Failure::internal(format!("the chain behind source `{}` takes other records", self.0.name()))
            })?,
        };
        Ok(Box::new(ReaderAdapter { reader: self.0.reader(subtask)?, downstream }))
    }
}

fn decode<S: Split>(bytes: &[u8]) -> Result<S> {
    from_bytes(bytes)
        .map_err(|error| Failure::user("a split of the checkpoint does not fit this source").because(error))
}

struct EnumeratorAdapter<S>(Box<dyn SplitEnumerator<S>>);

impl<S: Split> AnyEnumerator for EnumeratorAdapter<S> {
    fn next_split(&mut self, subtask: Subtask) -> Result<NextSplit<EncodedSplit>> {
        Ok(match self.0.next_split(subtask)? {
            NextSplit::Split(split) => {
                let bytes = to_bytes(&split)
                    .map_err(|error| Failure::internal("a split cannot be encoded").because(error))?;
                NextSplit::Split(EncodedSplit { id: split.id(), bytes })
            }
            NextSplit::Wait => NextSplit::Wait,
            NextSplit::NoMore => NextSplit::NoMore,
        })
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        self.0.snapshot()
    }
}

struct ReaderAdapter<T, S> {
    reader: Box<dyn SourceReader<T, S>>,
    downstream: Box<dyn Downstream<T>>,
}

impl<T, S: Split> AnyReader for ReaderAdapter<T, S> {
    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()> {
        self.downstream.open(context)
    }

    fn add_split(&mut self, split: &EncodedSplit) -> Result<()> {
        self.reader.add_split(decode(&split.bytes)?)
    }

    fn poll(&mut self, patience: Duration) -> Result<Polled> {
        self.reader.poll(&mut SourceOutput::new(&mut *self.downstream), patience)
    }

    fn takes_more(&self) -> bool {
        self.reader.takes_more()
    }

    fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.downstream.control(control)
    }

    fn snapshot(&mut self) -> Result<OperatorPart> {
        Ok(OperatorPart::new(SPLITS, 1, &self.reader.snapshot())?)
    }

    fn gauges(&self) -> Vec<SourceGauge> {
        self.reader.gauges()
    }

    fn on_checkpoint_complete(&mut self, checkpoint: CheckpointId) -> Result<()> {
        self.reader.on_checkpoint_complete(checkpoint)
    }
}
