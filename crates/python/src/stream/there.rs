//! A stretch in a worker interpreter, as the driver sees it.
//!
//! ```text
//! driver                                   worker
//!   Open(setting, spec, state)    ->
//!                                 <-        Done() | Failed(fault)
//!   Call(call, what goes along)   ->
//!                                 <-        Emit(exit, ...)       any number of times
//!                                 <-        Done(reply) | Failed(fault)
//! ```
//!
//! Holds: what the worker emits is read no faster than it is handed on, so that a full channel stops the function that
//! fills it; a worker that dies fails the attempt and nothing else.

use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::Cancelled;
use millstream_model::error::{Failure, Result};
use pyo3::prelude::*;
use pyo3::types::PyList;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::chunk::{Chunk, Values, decoded, encoded};
use super::counts::Passed;
use super::here::timer_list;
use super::keyed::Keyed;
use super::seat::{Call, Emitted, Given, Reply, exit_tag, hand_on};
use super::stretch::Setting;
use super::workers::{Crew, Worker};
use crate::task::Fault;
use crate::worker::{Frame, Kind, Parts};

/// How often it is looked whether the job is cancelled, while a function runs.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// How long a function may take to close after its job came to an end, in looks.
const CLOSING: u32 = 40;

/// The driver's end.
pub(super) struct There {
    worker: Arc<Worker>,
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    cancelled: Cancelled,
    passed: Arc<Passed>,
    /// Whether an answer is still to come: then the worker does what nobody knows.
    is_busy: bool,
}

/// What a stretch is told first, besides its spec and its state.
pub(super) type Told = (u32, u32, u64, u16, bool, i64, bool);

impl There {
    pub(super) fn open(
        crew: &Crew,
        setting: &Setting,
        keyed: Option<&Keyed>,
        cancelled: Cancelled,
        passed: Arc<Passed>,
    ) -> Result<Self> {
        let worker = crew.worker(setting.subtask.index)?;
        let writer = worker.connect()?;
        let reader = writer
            .try_clone()
            .map_err(|error| Failure::external("a socket to a worker cannot be used").because(error))?;
        let reader = BufReader::with_capacity(1 << 16, reader);
        let mut there = Self { worker, reader, writer, cancelled, passed, is_busy: false };
        let state = keyed
            .map(|keyed| Python::attach(|py| encoded(&keyed.entries(py)?)))
            .transpose()
            .map_err(|error: PyErr| Failure::internal("state cannot be sent to a worker").because(error))?;
        let told: Told = (
            setting.subtask.index,
            setting.subtask.of,
            setting.attempt,
            setting.max_parallelism,
            setting.is_batch,
            setting.watermark,
            keyed.is_some(),
        );
        let parts = vec![setting.spec.clone(), Arc::new(state.unwrap_or_default())];
        there.send(&Frame::saying(Kind::Open, &told, parts)?)?;
        there.answer(None, false).map(|_| there)
    }

    pub(super) fn call(&mut self, call: Call, given: Given<'_>, sides: &SharedSides) -> Result<Reply> {
        if self.is_busy {
            return Err(Failure::cancelled());
        }
        let read = |error: PyErr| Failure::internal("records cannot be sent to a worker").because(error);
        let parts: Parts = match given {
            Given::Nothing => Vec::new(),
            Given::Chunk(chunk) => {
                let mut parts = vec![chunk.records().block().map_err(read)?];
                if let Some(times) = chunk.times() {
                    parts.push(times.block().map_err(read)?);
                }
                parts
            }
            Given::Timers(timers) if timers.is_empty() => Vec::new(),
            Given::Timers(timers) => {
                let block = Python::attach(|py| encoded(&timer_list(py, timers)?)).map_err(read)?;
                vec![Arc::new(block)]
            }
        };
        self.send(&Frame::saying(Kind::Call, &call, parts)?)?;
        self.answer(Some(sides), call == Call::Close)
    }

    fn send(&mut self, frame: &Frame) -> Result<()> {
        self.is_busy = true;
        frame.write(&mut self.writer).map_err(|error| self.worker.died(Some(error)))
    }

    /// Waits until the worker says something.
    ///
    /// # Errors
    /// If the job is cancelled before, or, at the end, if it takes too long.
    fn wait(&self, is_closing: bool) -> Result<()> {
        let mut looks = 0;
        while self.reader.buffer().is_empty() {
            if is_closing {
                looks += 1;
                if looks > CLOSING {
                    return Err(Failure::cancelled());
                }
            } else {
                self.cancelled.wait(Duration::ZERO)?;
            }
            let mut polled = [PollFd::new(&self.writer, PollFlags::IN)];
            if poll(&mut polled, Some(&LOOK)).map_or(true, |ready| ready > 0) {
                break;
            }
        }
        Ok(())
    }

    fn answer(&mut self, sides: Option<&SharedSides>, is_closing: bool) -> Result<Reply> {
        loop {
            self.wait(is_closing)?;
            let frame = match Frame::read(&mut self.reader) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Err(self.worker.died(None)),
                Err(error) => return Err(self.worker.died(Some(error))),
            };
            match (frame.kind, sides) {
                (Kind::Emit, Some(sides)) => {
                    let (emitted, parts) = frame.said::<Emitted>()?;
                    emit(emitted, parts, sides, &self.passed)?;
                }
                (Kind::Done, _) => {
                    self.is_busy = false;
                    return reply(frame);
                }
                (Kind::Failed, _) => {
                    self.is_busy = false;
                    return Err(frame.said::<Fault>()?.0.into());
                }
                (other, _) => {
                    return Err(Failure::internal(format!("a {other:?} frame came while a stretch ran")));
                }
            }
        }
    }
}

impl Drop for There {
    fn drop(&mut self) {
        if self.is_busy {
            self.worker.give_up();
        }
    }
}

fn emit(emitted: Emitted, parts: Parts, sides: &SharedSides, passed: &Passed) -> Result<()> {
    let Emitted::Chunk { exit, target, input, rows, timed } = emitted else { return hand_on(emitted, sides) };
    let mut parts = parts.into_iter();
    let records = parts.next().ok_or_else(|| Failure::internal("a worker emitted no records"))?;
    let times = if timed { parts.next().map(Values::Block) } else { None };
    let chunk = Chunk::new(Values::Block(records), rows, times, target, input);
    passed.went(rows);
    sides.borrow_mut().emit(&exit_tag(exit), chunk, None)?;
    sides.borrow_mut().flush(&exit_tag(exit))
}

/// The blocks of a reply: changes of timers, and entries of state; an empty block is none.
fn reply(frame: Frame) -> Result<Reply> {
    if frame.parts.is_empty() {
        return Ok(Reply::default());
    }
    let (wake, parts) = frame.said::<Option<i64>>()?;
    let list = |at: usize| -> Result<Option<Py<PyList>>> {
        let Some(block) = parts.get(at).filter(|block| !block.is_empty()) else { return Ok(None) };
        Python::attach(|py| decoded(py, block).map(|list| Some(list.unbind())))
            .map_err(|error| Failure::internal("what a worker answered cannot be read").because(error))
    };
    Ok(Reply { timers: list(0)?, entries: list(1)?, wake })
}
