//! Lineage: how a partition of a batch data set is made, so that it can be made again.
//!
//! Streams are pushed, batches are *pulled*: an action asks the last data set of a stage for a run of records, which
//! asks the one before it, so that `take(1)` reads no more than one run.
//!
//! Answers for the contract between data sets and the scheduler that runs them: nodes, dependencies, partitions, and
//! where a task finds what other tasks left. Not for scheduling nor for where blocks are kept (the runtime).
//! Holds: computing a partition twice gives the same records, as long as the user's functions do.

mod block;
mod blocks;
mod codec;
mod context;
mod kept;
mod node;
mod pull;
mod storage;

pub use block::{Block, FRAME, Rows, Run, Runs};
pub use blocks::{Blocks, Frames, Stored};
pub use codec::Codec;
pub use context::{Cancellation, Properties, TaskContext};
pub use kept::{Kept, KeptPull};
pub use node::{Dataset, DatasetId, Dependency, Lineage, Shuffle, ShuffleId};
pub use pull::{Pull, VecPull, drain, drain_detached, panic_message};
pub use storage::StorageLevel;
