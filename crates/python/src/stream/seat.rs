//! Where the functions of a subtask run, and what is said between it and the engine.
//!
//! Holds: calls come one after the other; what a call emitted has been handed on when the call returns.

use std::cell::RefCell;

use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::OutputTag;
use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use pyo3::prelude::*;
use pyo3::types::PyList;
use serde::{Deserialize, Serialize};

use super::chunk::Chunk;
use super::here::Here;
use super::there::There;

/// What a stretch is called for, without what goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Call {
    /// Records of an input.
    Batch { input: u8 },
    /// Event time has come this far; timers go along.
    Watermark(i64),
    /// The clock has come this far; timers go along.
    Tick(i64),
    /// No record is expected for now.
    Idle,
    /// No record follows.
    End,
    /// Say what was written to state since the last time.
    Snapshot,
    /// It is over, however it came to that.
    Close,
}

/// What goes along with a call.
pub(super) enum Given<'a> {
    Nothing,
    Chunk(&'a Chunk),
    Timers(Vec<(Vec<u8>, i64)>),
}

/// What a call leaves, besides what it emitted.
#[derive(Default)]
pub(super) struct Reply {
    /// Changes of timers.
    pub(super) timers: Option<Py<PyList>>,
    /// What was written to state.
    pub(super) entries: Option<Py<PyList>>,
    /// When the stretch wants to be called, in milliseconds.
    pub(super) wake: Option<i64>,
}

/// What a stretch emits, besides records, into one of its exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Emitted {
    Chunk { exit: u16, target: u16, input: u8, rows: usize, timed: bool },
    Watermark { exit: u16, time: i64 },
    Idle { exit: u16 },
}

/// The interpreter that a stretch has its seat in.
pub(super) enum Seat {
    Here(Here),
    There(There),
}

impl Seat {
    pub(super) fn call(&mut self, call: Call, given: Given<'_>, sides: &SharedSides) -> Result<Reply> {
        match self {
            Self::Here(here) => here.call(call, given, sides),
            Self::There(there) => there.call(call, given, sides),
        }
    }
}

/// The tag of an exit.
pub(super) fn exit_tag(exit: u16) -> OutputTag<Chunk> {
    OutputTag::new(format!("exit {exit}"))
}

/// Hands on what is no chunk.
pub(super) fn hand_on(emitted: Emitted, sides: &SharedSides) -> Result<()> {
    match emitted {
        Emitted::Watermark { exit, time } => {
            sides.borrow_mut().emit_watermark(&exit_tag(exit), Timestamp::from_millis(time))
        }
        Emitted::Idle { exit } => sides.borrow_mut().emit_idle(&exit_tag(exit)),
        Emitted::Chunk { .. } => Err(Failure::internal("a chunk was emitted without its records")),
    }
}

thread_local! {
    /// The outputs of the stretches that run on this thread, the innermost last.
    static OUTPUTS: RefCell<Vec<SharedSides>> = const { RefCell::new(Vec::new()) };
}

/// Lends the outputs to whoever emits on this thread meanwhile.
pub(super) fn lending<R>(sides: &SharedSides, run: impl FnOnce() -> R) -> R {
    struct Returned;
    impl Drop for Returned {
        fn drop(&mut self) {
            OUTPUTS.with_borrow_mut(|outputs| outputs.pop());
        }
    }
    OUTPUTS.with_borrow_mut(|outputs| outputs.push(sides.clone()));
    let _returned = Returned;
    run()
}

/// The outputs that are lent on this thread.
pub(super) fn lent() -> Result<SharedSides> {
    OUTPUTS
        .with_borrow(|outputs| outputs.last().cloned())
        .ok_or_else(|| Failure::user("records can only be emitted by the thread that was called"))
}
