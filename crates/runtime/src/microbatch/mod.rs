//! A stream cut into batches: the clock that cuts it, the queue of batches, the thread that processes them, receivers.
//!
//! Answers for when a batch is cut, for the order in which batches are processed, for the bounds on what waits, and for how
//! it all ends, whatever the batches are computed by: a [`Program`] says what there is to take in and what is done with
//! the batch of a time. The faces of Rust and Python are such programs. Where several processes run the program, one leads and
//! the others follow (`together`). Not for data sets: those are the program's.
//! Holds: batches are processed one at a time in the order of their times; what is received and not processed is bounded.

mod backlog;
mod batches;
mod blocks;
mod checkpoint;
mod clock;
mod given;
mod input;
mod listener;
mod new_files;
mod program;
mod progress;
mod receiver;
mod status;
mod timeline;
mod together;

pub use batches::Batches;
pub use blocks::HoldLimits;
pub use checkpoint::{Begin, CheckpointPlan};
pub use clock::{Clock, ManualClock};
pub use given::{Given, GivenBlock, Shelf, Taken};
pub use input::{Input, Logged, ReceiverEvent, ReceiverEvents};
pub use listener::StreamingListener;
pub use millstream_state::SavedBlock;
pub use new_files::NewFiles;
pub use program::Program;
pub use progress::{Progress, Stop, Termination};
pub use receiver::Receiver;
pub use status::{BatchInfo, Phase, ReceiverStatus, StreamingStatus};
pub use timeline::{Timeline, check_multiple};
