//! Which subtask behind a stream gets which record.
//!
//! Answers for the user's choice. Not for carrying it out: that is the exchange's.
//! Holds: a choice stands between this stream and what is put behind it, and changes no operator.

use std::sync::Arc;

use millstream_dataflow::exchange::{MakeCombine, Partitioning};
use millstream_dataflow::state::StateData;

use super::DataStream;

impl<T: StateData> DataStream<T> {
    fn partitioned(&self, partitioning: Partitioning<T>) -> Self {
        let mut own = self.encoded();
        own.origins.iter_mut().for_each(|origin| origin.partitioning = partitioning.clone());
        own
    }

    /// This stream sent out by the hash of a key.
    pub(super) fn keyed_by_hash(&self, hash: impl Fn(&T) -> u64 + Send + Sync + 'static) -> Self {
        let column = move |records: &[T], hashes: &mut Vec<u64>| hashes.extend(records.iter().map(&hash));
        self.partitioned(Partitioning::Keyed(Arc::new(column)))
    }

    /// This stream, which is sent out by the hash of a key, with records of one key made one before they are sent.
    pub(super) fn combined(&self, make: MakeCombine<T>) -> Self {
        let mut own = self.clone();
        for origin in &mut own.origins {
            if let Partitioning::Keyed(select) = &origin.partitioning {
                origin.partitioning = Partitioning::Combined(select.clone(), make.clone());
            }
        }
        own
    }

    /// Sends records to the subtasks behind in turn.
    pub fn rebalance(&self) -> Self {
        self.partitioned(Partitioning::Rebalance)
    }

    /// Sends records at random.
    pub fn shuffle(&self) -> Self {
        self.partitioned(Partitioning::Shuffle)
    }

    /// Sends records in turn to those subtasks that are next to the sender.
    pub fn rescale(&self) -> Self {
        self.partitioned(Partitioning::Rescale)
    }

    /// Sends each record to all subtasks.
    pub fn broadcast(&self) -> Self {
        self.partitioned(Partitioning::Broadcast)
    }

    /// Sends all records to the first subtask.
    pub fn global(&self) -> Self {
        self.partitioned(Partitioning::Global)
    }

    /// Sends records to the subtask of the same number; a job in which the numbers of subtasks differ is refused.
    ///
    /// Where nothing is said, records are forwarded if the numbers are equal and sent in turn to all if they are not.
    pub fn forward(&self) -> Self {
        self.partitioned(Partitioning::Forward)
    }

    /// Sends each record where `choose` says: the record and the number of subtasks in, an index out.
    pub fn partition_custom(&self, choose: impl Fn(&T, usize) -> usize + Send + Sync + 'static) -> Self {
        self.partitioned(Partitioning::Custom(Arc::new(choose)))
    }
}
