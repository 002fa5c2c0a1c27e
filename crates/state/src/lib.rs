//! Where snapshots are kept: state files, manifests, retention, the folder's lock.
//!
//! (What a stream in batches writes down is simpler, one log and the data sets that it names: `batches`.)
//!
//! A checkpoint folder holds one folder per checkpoint (`checkpoint-000017`) or savepoint (`savepoint-000018`). In it
//! lie the state files, one per subtask, and `manifest.json`, which is written last, in one atomic step, and says what
//! lies where. A checkpoint exists when its manifest does; everything that no kept manifest reaches is garbage.
//!
//! Answers for files and their checksums, for what is kept and collected, and for cutting state for another parallelism.
//! Not for when checkpoints are taken (the runtime) nor for the bytes of a state (`millstream_dataflow::state`).
//! Holds: what a manifest names was completely written, and in a local folder on the disk, before the manifest; what is read is what was written, or an
//! error says which file is damaged and which checkpoint is intact.

mod batch_blocks;
mod batches;
mod compare;
mod copies;
mod error;
mod lock;
mod manifest;
mod name;
mod restore;
mod retention;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub use batch_blocks::{BatchBlocks, SavedBlock};
pub use batches::{BatchLog, BatchStore, CarriedSets, InputLog, SavedSet};
pub use compare::{Comparison, ProgramOperator, compare};
pub use copies::LocalCopies;
pub use error::StoreError;
pub use manifest::{
    Committable, FORMAT_VERSION, GroupPlace, JobEntry, KeyedEntry, KeyedFile, Manifest, OperatorEntry,
    OperatorFile, OperatorStateEntry, Place,
};
pub use millstream_model::id::CheckpointKind;
pub use name::CheckpointName;
pub use restore::Origin;
pub use retention::Collected;
pub use store::CheckpointStore;
pub use write::{SubtaskOperator, SubtaskState, SubtaskWork};
