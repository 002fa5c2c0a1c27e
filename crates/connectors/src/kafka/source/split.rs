//! A partition, with how far it is read.

use millstream_dataflow::source::Split;
use serde::{Deserialize, Serialize};

/// A partition of a topic with the offset of the next record to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaSplit {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset of the next record.
    pub next: i64,
    /// The offset before which reading ends.
    pub stop: Option<i64>,
}

impl KafkaSplit {
    /// Whether nothing is left to read.
    pub(in crate::kafka) fn is_done(&self) -> bool {
        self.stop.is_some_and(|stop| self.next >= stop)
    }

    /// The subtask that reads it: partitions of a topic go round, each topic beginning elsewhere.
    pub(in crate::kafka) fn owner(&self, of: u32) -> u32 {
        let hash =
            self.topic.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        hash.wrapping_add(self.partition.unsigned_abs()) % of.max(1)
    }
}

impl Split for KafkaSplit {
    fn id(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }
}
