//! What a face has to say and do for its streams to be run in batches.
//!
//! Holds: the engine calls `process`, `forget`, `kept` and `save` from one thread, one batch after the other.

use std::sync::Arc;
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;

use super::given::Shelf;
use super::input::Input;
use super::timeline::Timeline;
use crate::stage::StageEngine;
use millstream_state::SavedBlock;

/// What is computed batch by batch: inputs, and what is done with what they take in.
pub trait Program: Send + Sync {
    /// The times of its batches.
    fn timeline(&self) -> &Timeline;

    /// The program starts: nothing is added to it any more.
    ///
    /// # Errors
    /// What is wrong with it.
    fn begin(&self) -> Result<()>;

    /// Where its records come from.
    fn inputs(&self) -> Vec<Arc<dyn Input>>;

    /// Does all that is to be done with the batch of `time`.
    ///
    /// # Errors
    /// What failed: the program ends with it.
    fn process(&self, time: Timestamp) -> Result<()>;

    /// The batch of `time` is done: lets go of what no later one asks for.
    fn forget(&self, time: Timestamp);

    /// No batch follows: lets go of everything.
    fn clear(&self);

    /// The streams whose data sets are carried from batch to batch, by operation, in the order in which the program was put
    /// together.
    fn carried(&self) -> Vec<String> {
        Vec::new()
    }

    /// The times of the data sets of the carried stream number `at` that later batches ask for.
    fn kept(&self, at: usize) -> Vec<Timestamp> {
        let _ = at;
        Vec::new()
    }

    /// One of these data sets as bytes, a block for each partition.
    ///
    /// # Errors
    /// It cannot be written down.
    fn save(&self, at: usize, time: Timestamp) -> Result<Vec<Vec<u8>>> {
        Err(Failure::internal(format!("stream {at} has no data set of {time}")))
    }

    /// Takes what [`Program::save`] gave in an earlier process.
    ///
    /// # Errors
    /// The bytes are no such data set.
    fn restore(&self, at: usize, time: Timestamp, blocks: Vec<Vec<u8>>) -> Result<()> {
        let _ = (time, blocks);
        Err(Failure::internal(format!("stream {at} is not carried")))
    }

    /// How far behind a batch that is done inputs may be asked for what they gave to earlier ones.
    fn looks_back(&self) -> Duration {
        Duration::ZERO
    }

    /// The program goes on where an earlier process was left: the time before its first batch, and its last batch, which
    /// with those before it may have been processed in part.
    fn resumed(&self, zero: Timestamp, cut: Timestamp) {
        let _ = (zero, cut);
    }

    /// The engine of the data sets, by which other processes of a cluster follow; `None` where the program runs in one process.
    fn engine(&self) -> Option<Arc<StageEngine>> {
        None
    }

    /// What makes it another program than others besides inputs and what is carried, in lines.
    fn describe(&self) -> String {
        String::new()
    }

    /// Where the partitions of what is carried lie, which all processes see.
    fn shelve(&self, shelf: Shelf) {
        let _ = shelf;
    }

    /// The partitions of a data set of the carried stream number `at`, where each was written down when it was made.
    fn parts(&self, at: usize, time: Timestamp) -> Option<Vec<SavedBlock>> {
        let _ = (at, time);
        None
    }

    /// Takes a data set of which these partitions were written down.
    ///
    /// # Errors
    /// It is none of the program's.
    fn restore_parts(&self, at: usize, time: Timestamp, parts: Vec<SavedBlock>) -> Result<()> {
        let _ = (time, parts);
        Err(Failure::internal(format!("stream {at} is not carried")))
    }
}
