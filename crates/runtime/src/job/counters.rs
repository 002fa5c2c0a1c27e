//! What has passed through the operators of a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use millstream_dataflow::operator::LinkCounts;
use millstream_model::time::Timestamp;

use crate::channel::Gauge;
use crate::plan::Plan;

/// The counters of one attempt, by node.
pub(crate) struct Counters {
    nodes: Vec<Arc<LinkCounts>>,
    pub(crate) gauge: Arc<Gauge>,
}

impl Counters {
    pub(crate) fn new(nodes: usize) -> Self {
        let counts = || LinkCounts {
            records_in: AtomicU64::new(0),
            records_out: AtomicU64::new(0),
            records_skipped: AtomicU64::new(0),
            watermark: AtomicI64::new(i64::MIN),
        };
        Self { nodes: (0..nodes).map(|_| Arc::new(counts())).collect(), gauge: Arc::default() }
    }

    pub(crate) fn of(&self, node: usize) -> Arc<LinkCounts> {
        self.nodes[node].clone()
    }

    pub(crate) fn read(&self, plan: &Plan) -> Metrics {
        let nodes = plan.graph.nodes().iter().zip(&self.nodes);
        let operators = nodes.map(|(node, counts)| OperatorCounts {
            name: node.name.to_string(),
            records_in: counts.records_in.load(Ordering::Relaxed),
            records_out: counts.records_out.load(Ordering::Relaxed),
            records_skipped: counts.records_skipped.load(Ordering::Relaxed),
            watermark: Timestamp::from_millis(counts.watermark.load(Ordering::Relaxed)),
        });
        Metrics {
            operators: operators.collect(),
            records_in_flight: self.gauge.now(),
            peak_records_in_flight: self.gauge.peak(),
        }
    }
}

/// A reading of a job's counters.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Each node of the graph, in its order. Sources count nothing themselves: see who reads them.
    pub operators: Vec<OperatorCounts>,
    /// Records in channels now.
    pub records_in_flight: usize,
    /// The most there were.
    pub peak_records_in_flight: usize,
}

/// One operator's counts, over all its subtasks.
#[derive(Clone, Debug)]
pub struct OperatorCounts {
    /// The operator.
    pub name: String,
    /// Records that came in.
    pub records_in: u64,
    /// Records that went out through the main output.
    pub records_out: u64,
    /// Records that user code gave an error for and that were left out: see `OnError`.
    pub records_skipped: u64,
    /// The last watermark that a subtask saw; [`Timestamp::MIN`] before the first.
    pub watermark: Timestamp,
}
