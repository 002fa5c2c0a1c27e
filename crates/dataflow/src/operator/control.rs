//! What travels through a chain besides records, and what takes both.
//!
//! Holds: a control element reaches every operator behind it after all records that were sent before it.

use millstream_model::error::Result;
use millstream_model::id::{CheckpointId, CheckpointKind, OperatorUid};
use millstream_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::ChainContext;
use crate::batch::Batch;
use crate::state::snapshot::OperatorSnapshot;

/// The marker that cuts the stream: everything before it is in the checkpoint, nothing behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barrier {
    /// The checkpoint that it belongs to.
    pub checkpoint: CheckpointId,
    /// Who decides how long that is kept.
    pub kind: CheckpointKind,
}

/// A barrier on its way through one chain, gathering the snapshot of each operator.
#[derive(Debug)]
pub struct BarrierPass {
    /// The barrier.
    pub barrier: Barrier,
    /// What the operators added so far, in the order of the chain.
    pub snapshots: Vec<(OperatorUid, OperatorSnapshot)>,
}

impl BarrierPass {
    /// A barrier that no operator has seen.
    pub fn new(barrier: Barrier) -> Self {
        Self { barrier, snapshots: Vec::new() }
    }
}

/// What a chain is told besides records.
#[derive(Debug)]
pub enum Control<'a> {
    /// Event time has come this far.
    Watermark(Timestamp),
    /// No record is expected for now; the watermark behind does not wait for this input.
    Idle,
    /// Snapshot your state, then pass the barrier on.
    Barrier(&'a mut BarrierPass),
    /// The clock has come to a time that was asked for.
    Tick(Timestamp),
    /// Send what is held back to fill a batch.
    Flush,
    /// No record follows.
    End,
}

/// What takes the records of a stream: the next link of a chain, the sending side of an exchange, a sink.
pub trait Downstream<T> {
    /// Called once, before anything else, from the end of the chain to its beginning.
    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()>;

    /// Takes all records out of `batch` and leaves it empty.
    fn batch(&mut self, batch: &mut Batch<T>) -> Result<()>;

    /// Takes a control element, behind all records before it.
    fn control(&mut self, control: &mut Control<'_>) -> Result<()>;
}
