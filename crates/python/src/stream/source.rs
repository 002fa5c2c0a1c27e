//! A source that Python reads, in the process of the program.
//!
//! Answers for the engine's contract: splits that are handed out once, each with a position that is in the checkpoint.
//! Not for reading: a split's reader is an object of `millstream._stream.sources`.
//! Holds: the position belongs to what was emitted last.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::source::{
    Boundedness, NextSplit, Polled, Promise, Source, SourceOutput, SourceReader, Split, SplitEnumerator,
};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use pyo3::prelude::*;
use pyo3::types::PyList;
use serde::{Deserialize, Serialize};

use super::chunk::{Chunk, Values};
use super::counts::Passed;
use super::fault::source_fault;
use super::here::Threads;
use super::stretch::Attempts;

/// A source with the splits that it had when the program was made.
pub(super) struct PySource {
    pub(super) name: String,
    /// An object that opens splits: `open(number, position, subtask)`.
    pub(super) opener: Py<PyAny>,
    pub(super) splits: u32,
    pub(super) is_bounded: bool,
    pub(super) promise: Promise,
    pub(super) threads: Threads,
    pub(super) opened: Attempts,
    pub(super) passed: Arc<Passed>,
}

/// A split, by its number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PySplit {
    number: u32,
    /// The pickled position; empty at the beginning.
    position: String,
}

impl Split for PySplit {
    fn id(&self) -> String {
        format!("split {}", self.number)
    }
}

struct Enumerator {
    waiting: VecDeque<PySplit>,
    /// How many of the splits were ever handed out.
    handed_out: u32,
    splits: u32,
}

impl SplitEnumerator<PySplit> for Enumerator {
    fn next_split(&mut self, _: Subtask) -> Result<NextSplit<PySplit>> {
        if let Some(split) = self.waiting.pop_front() {
            return Ok(NextSplit::Split(split));
        }
        if self.handed_out == self.splits {
            return Ok(NextSplit::NoMore);
        }
        self.handed_out += 1;
        Ok(NextSplit::Split(PySplit { number: self.handed_out - 1, position: String::new() }))
    }

    fn add_back(&mut self, splits: Vec<PySplit>) {
        self.waiting.extend(splits);
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        to_bytes(&(self.handed_out, Vec::from(self.waiting.clone())))
            .map_err(|error| Failure::internal("splits cannot be written").because(error))
    }
}

impl Source for PySource {
    type Record = Chunk;
    type Split = PySplit;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn boundedness(&self) -> Boundedness {
        if self.is_bounded { Boundedness::Bounded } else { Boundedness::Unbounded }
    }

    fn promise(&self) -> Promise {
        self.promise
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<PySplit>>> {
        let (handed_out, waiting) = match restored {
            None => (0, Vec::new()),
            Some(bytes) => from_bytes::<(u32, Vec<PySplit>)>(&bytes)
                .map_err(|error| Failure::user("the checkpoint is of another source").because(error))?,
        };
        Ok(Box::new(Enumerator { waiting: waiting.into(), handed_out, splits: self.splits.max(handed_out) }))
    }

    fn reader(&self, subtask: Subtask) -> Result<Box<dyn SourceReader<Chunk, PySplit>>> {
        let opener = Python::attach(|py| self.opener.clone_ref(py));
        let (name, threads) = (self.name.clone(), self.threads.clone());
        let attempt = self.opened.next(subtask.index);
        let (passed, open) = (self.passed.clone(), VecDeque::new());
        Ok(Box::new(Reader { opener, name, attempt, subtask, threads, passed, open }))
    }
}

struct Reader {
    opener: Py<PyAny>,
    name: String,
    attempt: u64,
    subtask: Subtask,
    threads: Threads,
    passed: Arc<Passed>,
    /// The splits with their readers; the first is read.
    open: VecDeque<(PySplit, Py<PyAny>)>,
}

/// Records, times, the pickled position behind them, whether the split has more.
type Read<'py> = (Bound<'py, PyList>, Option<Bound<'py, PyList>>, String, bool);

impl Reader {
    fn failed(&self, py: Python<'_>, error: &PyErr) -> Failure {
        source_fault(py, error, &self.name, self.subtask.index, self.attempt)
    }
}

impl SourceReader<Chunk, PySplit> for Reader {
    fn add_split(&mut self, split: PySplit) -> Result<()> {
        let reader = Python::attach(|py| {
            let place = (split.number, split.position.as_str(), self.subtask.index);
            let opened = self.opener.bind(py).call_method1("open", place);
            opened.map(Bound::unbind).map_err(|error| self.failed(py, &error))
        })?;
        self.open.push_back((split, reader));
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, Chunk>, patience: Duration) -> Result<Polled> {
        let Some((split, reader)) = self.open.front() else { return Ok(Polled::NeedSplit) };
        let number = split.number;
        let (chunk, position, has_more) = Python::attach(|py| {
            let patience = patience.as_secs_f64();
            let read = self.threads.running(py, || {
                let read = reader.bind(py).call_method1("read", (patience,))?;
                let (records, times, position, has_more) = read.extract::<Read<'_>>()?;
                let rows = records.len();
                let chunk = (rows > 0).then(|| {
                    let times = times.map(|times| Values::Here(times.unbind()));
                    Chunk::new(Values::Here(records.unbind()), rows, times, 0, 0)
                });
                Ok((chunk, position, has_more))
            });
            read.map_err(|error| self.failed(py, &error))
        })?;
        if has_more {
            if let Some((split, _)) = self.open.front_mut() {
                split.position = position;
            }
        } else if let Some((_, reader)) = self.open.pop_front() {
            Python::attach(|py| reader.bind(py).call_method0("close").map(drop))
                .map_err(|error| Failure::user(format!("split {number} cannot be closed")).because(error))?;
        }
        match chunk {
            Some(chunk) => {
                self.passed.went(chunk.rows());
                output.emit(&mut Batch::from(vec![chunk]))?;
                Ok(Polled::More)
            }
            None if has_more => Ok(Polled::Nothing),
            None => Ok(Polled::More),
        }
    }

    fn snapshot(&mut self) -> Vec<PySplit> {
        self.open.iter().map(|(split, _)| split.clone()).collect()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        Python::attach(|py| {
            for (_, reader) in self.open.drain(..) {
                // The job is over, or begins anew: nobody waits for what closing says.
                let _closed = reader.bind(py).call_method0("close");
            }
        });
    }
}
