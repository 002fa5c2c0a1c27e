//! One attempt at one task.

use std::panic::{AssertUnwindSafe, catch_unwind};

use millstream_dataflow::lineage::{Lineage, TaskContext, panic_message};
use millstream_model::error::{Failure, Result};
use millstream_model::id::{OperatorUid, Subtask};

use super::action::{Outcome, Work};

/// How often a task is tried before its job fails.
pub const ATTEMPTS: u32 = 4;

/// Whether there is no other attempt behind this one.
pub(super) fn is_last(failure: &Failure, attempt: u32) -> bool {
    attempt >= ATTEMPTS || !failure.may_retry()
}

/// Runs one attempt; a panic or error names the data set unless one nearer to the fault did.
pub(super) fn attempt(of: &dyn Lineage, context: &TaskContext, work: &Work) -> Result<Outcome> {
    catch_unwind(AssertUnwindSafe(|| work(context.partition, context)))
        .unwrap_or_else(|panic| Err(panic_message(&*panic)))
        .map_err(|failure| {
            if failure.is_cancelled() {
                return failure;
            }
            let uid = OperatorUid::new(format!("rdd-{}", of.id().0));
            let subtask = Subtask { index: context.partition as u32, of: of.partitions() as u32 };
            failure.in_operator(of.name(), &uid, subtask)
        })
}
