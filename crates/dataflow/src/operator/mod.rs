//! What an operator is, and how operators are fused into a chain that one thread runs.
//!
//! Answers for the contract between an operator and whoever drives it: the runtime, a batch task, a test harness.
//! Not for any operator in particular, nor for threads.
//! Holds: an operator sees its records, watermarks and barriers one after the other, on one thread, and never a
//! record behind the end.

mod context;
mod control;
mod fan_out;
mod link;
mod on_error;
mod output;
mod side;

pub use context::{Cancelled, ChainContext, Mode, OperatorContext, RestoreSource, Wakeup};
pub use control::{Barrier, BarrierPass, Control, Downstream};
pub use fan_out::FanOut;
pub use link::{Link, LinkCounts, LinkIdentity, SideLink};
pub use on_error::{OnError, RecordType, RejectTag, Rejected};
pub use output::Output;
pub use side::{OutputTag, SideOutputs};

use millstream_model::error::Result;
use millstream_model::time::Timestamp;

use crate::batch::Batch;
use crate::state::snapshot::OperatorSnapshot;

/// One step of a job: takes batches of `In`, emits records of `Out`.
///
/// What you must do: take every record out of each batch you are given; keep in state what must survive a kill;
/// emit what [`Operator::on_end`] emits out of state and remove it there, so that an end that is seen twice
/// (after a restore) emits nothing twice.
/// What you may assume: all calls come on the thread that called [`Operator::open`], in the order of the stream;
/// the watermark never goes back; nothing comes after `on_end` but snapshots.
pub trait Operator<In, Out> {
    /// Called once before anything else: declare state (it comes back restored), keep what you need of `context`.
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        let _ = context;
        Ok(())
    }

    /// Takes all the records out of `batch`.
    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()>;

    /// Event time has come to `watermark`. Returns the watermark to pass on, if any.
    fn on_watermark(&mut self, watermark: Timestamp, output: &mut Output<Out>) -> Result<Option<Timestamp>> {
        let _ = output;
        Ok(Some(watermark))
    }

    /// The clock has come to a time that was asked for with [`Wakeup::request`], or past it.
    fn on_processing_time(&mut self, now: Timestamp, output: &mut Output<Out>) -> Result<()> {
        let _ = (now, output);
        Ok(())
    }

    /// The input is idle: no record is expected for now. Returns whether to say so to those behind.
    fn on_idle(&mut self) -> bool {
        true
    }

    /// Whether the operator itself says to each of its side outputs how far event time has come there, and when it is
    /// idle. Others' side outputs are told what the operator is told.
    fn tells_sides(&self) -> bool {
        false
    }

    /// No record follows. Comes after the final watermark of a bounded input.
    fn on_end(&mut self, output: &mut Output<Out>) -> Result<()> {
        let _ = output;
        Ok(())
    }

    /// The flush interval is over: lets go of what is held back for efficiency alone.
    fn on_flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Adds a frozen copy of the state to `snapshot`; what is slow (encoding, writing) is done elsewhere.
    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, barrier: Barrier) -> Result<()> {
        let _ = (snapshot, barrier);
        Ok(())
    }
}
