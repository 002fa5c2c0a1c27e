//! One attempt at one task.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use millstream_dataflow::lineage::{Lineage, TaskContext, panic_message};
use millstream_model::error::Result;
use millstream_model::id::{OperatorUid, Subtask};

/// How often a task is tried before its job fails.
pub const ATTEMPTS: u32 = 4;

/// What is done with a partition.
pub(super) type Work<R> = Arc<dyn Fn(usize, &TaskContext) -> Result<R> + Send + Sync>;

/// Runs one attempt; a panic or error names the data set unless one nearer to the fault did.
pub(super) fn attempt<R>(of: &dyn Lineage, context: &TaskContext, work: &Work<R>) -> Result<R> {
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
