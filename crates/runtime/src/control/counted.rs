//! What the subtasks of one process have counted in an attempt.

use serde::{Deserialize, Serialize};

/// All of it; totals, so that what is told late or twice does no harm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// By node of the graph.
    pub nodes: Vec<NodeCounts>,
    /// By chain of the plan; nothing for those behind the last that runs here.
    pub chains: Vec<ChainWork>,
    /// Records in channels now.
    pub in_flight: usize,
    /// The most there were.
    pub peak_in_flight: usize,
}

/// What passed through one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCounts {
    /// Records that came in.
    pub records_in: u64,
    /// Records that went out through the main output.
    pub records_out: u64,
    /// Records that user code gave an error for and that were left out.
    pub records_skipped: u64,
    /// The last watermark in milliseconds; the least number before the first.
    pub watermark: i64,
}

impl NodeCounts {
    /// Before anything passed.
    pub const NONE: Self = Self { records_in: 0, records_out: 0, records_skipped: 0, watermark: i64::MIN };

    /// Adds what passed through the same node elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.records_in += other.records_in;
        self.records_out += other.records_out;
        self.records_skipped += other.records_skipped;
        // The lower one, of those that there are.
        self.watermark = match (self.watermark, other.watermark) {
            (i64::MIN, known) | (known, i64::MIN) => known,
            (one, other) => one.min(other),
        };
    }
}

/// What the subtasks of a chain did with their time, and what they told other processes. Operators of a chain run fused:
/// this is one for all of them. Times are in milliseconds, added up over the subtasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainWork {
    /// How long there were subtasks.
    pub alive: u64,
    /// Of that, waiting for input.
    pub idle: u64,
    /// Of that, waiting for room in channels that leave the chain.
    pub backpressured: u64,
    /// From other processes, encoded.
    pub bytes_in: u64,
    /// To other processes, encoded.
    pub bytes_out: u64,
}

impl ChainWork {
    /// Adds what other subtasks of the chain did.
    pub fn add(&mut self, other: &Self) {
        self.alive += other.alive;
        self.idle += other.idle;
        self.backpressured += other.backpressured;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
    }

    /// Neither idle nor backpressured, in milliseconds.
    pub fn busy(&self) -> u64 {
        self.alive.saturating_sub(self.idle + self.backpressured)
    }
}
