//! What has passed through the operators of a job.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use millstream_dataflow::operator::LinkCounts;
use millstream_dataflow::source::SourceGauge;
use millstream_model::time::Timestamp;

use crate::channel::Gauge;
use crate::control::ExecutorId;
use crate::plan::Plan;

/// The counters of one attempt, by node.
pub(crate) struct Counters {
    nodes: Vec<Arc<LinkCounts>>,
    /// What readers published last, by node and subtask.
    published: Mutex<BTreeMap<(usize, u32), Vec<SourceGauge>>>,
    pub(crate) gauge: Arc<Gauge>,
    /// What other processes counted, where it is they that run the subtasks.
    elsewhere: Mutex<BTreeMap<ExecutorId, Told>>,
}

/// What a process counted.
pub(crate) struct Told {
    /// By node: records in, out and skipped and the last watermark.
    pub(crate) nodes: Vec<(u64, u64, u64, i64)>,
    /// Records in channels now and at most.
    pub(crate) in_flight: (usize, usize),
    /// What readers of a node published.
    pub(crate) gauges: Vec<(usize, SourceGauge)>,
}

impl Counters {
    pub(crate) fn new(nodes: usize) -> Self {
        let counts = || LinkCounts {
            records_in: AtomicU64::new(0),
            records_out: AtomicU64::new(0),
            records_skipped: AtomicU64::new(0),
            watermark: AtomicI64::new(i64::MIN),
        };
        Self {
            nodes: (0..nodes).map(|_| Arc::new(counts())).collect(),
            published: Mutex::default(),
            gauge: Arc::default(),
            elsewhere: Mutex::default(),
        }
    }

    /// What this process counted, for another one.
    pub(crate) fn told(&self) -> Told {
        let nodes = self.nodes.iter().map(|counts| {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let records =
                (count(&counts.records_in), count(&counts.records_out), count(&counts.records_skipped));
            (records.0, records.1, records.2, counts.watermark.load(Ordering::Relaxed))
        });
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let gauges = published.iter().flat_map(|((node, _), gauges)| gauges.iter().map(|one| (*node, one)));
        Told {
            nodes: nodes.collect(),
            in_flight: (self.gauge.now(), self.gauge.peak()),
            gauges: gauges.map(|(node, gauge)| (node, gauge.clone())).collect(),
        }
    }

    /// A reader publishes these, in place of what it had published before.
    pub(crate) fn publish(&self, node: usize, subtask: u32, gauges: Vec<SourceGauge>) {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).insert((node, subtask), gauges);
    }

    /// Another process has counted this much in all.
    pub(crate) fn hear(&self, executor: ExecutorId, told: Told) {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).insert(executor, told);
    }

    pub(crate) fn of(&self, node: usize) -> Arc<LinkCounts> {
        self.nodes[node].clone()
    }

    pub(crate) fn read(&self, plan: &Plan) -> Metrics {
        let Told { mut nodes, mut in_flight, gauges } = self.told();
        let mut published: BTreeMap<usize, BTreeMap<(String, String), i64>> = BTreeMap::new();
        let mut add = |node: usize, gauge: SourceGauge| {
            *published.entry(node).or_default().entry((gauge.name, gauge.of)).or_default() += gauge.value;
        };
        gauges.into_iter().for_each(|(node, gauge)| add(node, gauge));
        for there in self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).values() {
            there.gauges.iter().for_each(|(node, gauge)| add(*node, gauge.clone()));
            let (now, peak) = there.in_flight;
            for (own, there) in nodes.iter_mut().zip(&there.nodes) {
                own.0 += there.0;
                own.1 += there.1;
                own.2 += there.2;
                own.3 = slower(own.3, there.3);
            }
            in_flight.0 += now;
            in_flight.1 += peak;
        }
        let nodes = plan.graph.nodes().iter().zip(nodes).enumerate();
        let operators =
            nodes.map(|(at, (node, (records_in, records_out, records_skipped, watermark)))| OperatorCounts {
                name: node.name.to_string(),
                records_in,
                records_out,
                records_skipped,
                watermark: Timestamp::from_millis(watermark),
                gauges: published.remove(&at).unwrap_or_default().into_iter().map(gauge).collect(),
            });
        Metrics {
            operators: operators.collect(),
            records_in_flight: in_flight.0,
            peak_records_in_flight: in_flight.1,
        }
    }
}

fn gauge(((name, of), value): ((String, String), i64)) -> SourceGauge {
    SourceGauge { name, of, value }
}

/// The earlier of two watermarks, of those that there are.
fn slower(one: i64, other: i64) -> i64 {
    match (one, other) {
        (i64::MIN, known) | (known, i64::MIN) => known,
        (one, other) => one.min(other),
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
    /// What the readers of a source published last, such as how far they are behind; see `SourceReader::gauges`.
    pub gauges: Vec<SourceGauge>,
}
