//! What an operation is called, and where in the data user code was when it failed.
//!
//! Holds: a panic in user code is a failure that names the operation, the partition and the record.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use millstream_dataflow::batch::{Batch, Origin};
use millstream_dataflow::lineage::{DatasetId, panic_message};
use millstream_model::error::{Failure, Result};
use millstream_model::id::{OperatorUid, Subtask};
use millstream_runtime::stage::StageEngine;

/// One operation of a program.
#[derive(Clone, Copy)]
pub(super) struct Site {
    pub(super) id: DatasetId,
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) called_at: &'static Location<'static>,
    pub(super) partitions: usize,
}

impl Site {
    /// An operation `name` that makes a data set.
    #[track_caller]
    pub(super) fn new(
        engine: &StageEngine,
        kind: &'static str,
        name: &'static str,
        partitions: usize,
    ) -> Self {
        Self { id: engine.next_dataset(), name, kind, called_at: Location::caller(), partitions }
    }

    /// The calls of the operation's functions over one partition.
    pub(super) fn calls(self, partition: usize) -> Calls {
        let subtask = Subtask { index: partition as u32, of: self.partitions as u32 };
        Calls {
            name: self.name,
            uid: OperatorUid::new(format!("rdd-{}", self.id.0)),
            subtask,
            seen: Cell::new(0),
        }
    }
}

/// The calls of an operation's functions over one partition, in one attempt.
pub(super) struct Calls {
    name: &'static str,
    uid: OperatorUid,
    subtask: Subtask,
    /// How many records were handed to the functions.
    pub(super) seen: Cell<u64>,
}

impl Calls {
    /// Hands a run of records to `step`, which drains, maps or filters it.
    pub(super) fn over<T, R>(
        &self,
        batch: &mut Batch<T>,
        step: impl FnOnce(&mut Batch<T>) -> R,
    ) -> Result<R> {
        let (length, origin) = (batch.len() as u64, batch.origin().cloned());
        let output = catch_unwind(AssertUnwindSafe(|| step(batch)));
        let output = output.map_err(|panic| self.panicked(&*panic, self.seen.get(), batch.handed(), origin));
        self.seen.set(self.seen.get() + length);
        output
    }

    /// As [`Calls::over`], for a step that may give an error.
    pub(super) fn try_over<T, R>(
        &self,
        batch: &mut Batch<T>,
        step: impl FnOnce(&mut Batch<T>) -> Result<R>,
    ) -> Result<R> {
        let (seen, origin) = (self.seen.get(), batch.origin().cloned());
        let output = self.over(batch, step)?;
        output.map_err(|failure| self.place(failure, seen, batch.handed(), origin))
    }

    /// Calls `step`, which counts the records it hands out in [`Calls::seen`].
    pub(super) fn counted<R>(&self, step: impl FnOnce() -> R) -> Result<R> {
        catch_unwind(AssertUnwindSafe(step)).map_err(|panic| self.panicked(&*panic, self.seen.get(), 0, None))
    }

    /// The failure of a panic at the record behind those `seen`, or at the last of `handed` more.
    pub(super) fn panicked(
        &self,
        panic: &(dyn Any + Send),
        seen: u64,
        handed: usize,
        origin: Option<Origin>,
    ) -> Failure {
        self.place(panic_message(panic), seen, handed, origin)
    }

    fn place(&self, mut failure: Failure, seen: u64, handed: usize, origin: Option<Origin>) -> Failure {
        let record = seen + handed as u64;
        if record > 0 {
            failure = failure.on_record(record);
        }
        if let (Some(origin), true) = (origin, handed > 0) {
            failure = failure.at(origin.position(handed - 1));
        }
        failure.in_operator(self.name, &self.uid, self.subtask)
    }
}
