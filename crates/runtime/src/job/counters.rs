//! What has passed through the operators of a job.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_dataflow::operator::LinkCounts;
use millstream_model::time::Timestamp;

use crate::channel::{Gauge, Meter};
use crate::control::{ChainWork, Counted, ExecutorId, NodeCounts, TaskId};
use crate::plan::Plan;

/// The counters of one attempt.
pub(crate) struct Counters {
    nodes: Vec<Arc<LinkCounts>>,
    pub(crate) gauge: Arc<Gauge>,
    /// Of the subtasks that run here.
    meters: Mutex<BTreeMap<TaskId, Arc<Meter>>>,
    /// What other processes counted, where it is they that run the subtasks.
    elsewhere: Mutex<BTreeMap<ExecutorId, Counted>>,
}

fn whole<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
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
            gauge: Arc::default(),
            meters: Mutex::default(),
            elsewhere: Mutex::default(),
        }
    }

    /// What this process counted.
    pub(crate) fn counted(&self) -> Counted {
        let nodes = self.nodes.iter().map(|counts| {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            NodeCounts {
                records_in: count(&counts.records_in),
                records_out: count(&counts.records_out),
                records_skipped: count(&counts.records_skipped),
                watermark: counts.watermark.load(Ordering::Relaxed),
            }
        });
        let mut chains = Vec::new();
        for (task, meter) in whole(&self.meters).iter() {
            if chains.len() <= task.chain {
                chains.resize(task.chain + 1, ChainWork::default());
            }
            chains[task.chain].add(&work(meter));
        }
        let (in_flight, peak_in_flight) = (self.gauge.now(), self.gauge.peak());
        Counted { nodes: nodes.collect(), chains, in_flight, peak_in_flight }
    }

    /// Another process has counted this much in all.
    pub(crate) fn hear(&self, executor: ExecutorId, counted: Counted) {
        whole(&self.elsewhere).insert(executor, counted);
    }

    pub(crate) fn of(&self, node: usize) -> Arc<LinkCounts> {
        self.nodes[node].clone()
    }

    /// The meter of a subtask that runs here.
    pub(crate) fn meter(&self, task: TaskId) -> Arc<Meter> {
        whole(&self.meters).entry(task).or_default().clone()
    }

    pub(crate) fn read(&self, plan: &Plan) -> Metrics {
        let Counted { mut nodes, mut chains, mut in_flight, mut peak_in_flight } = self.counted();
        chains.resize(plan.chains.len(), ChainWork::default());
        for there in whole(&self.elsewhere).values() {
            nodes.iter_mut().zip(&there.nodes).for_each(|(own, there)| own.add(there));
            chains.iter_mut().zip(&there.chains).for_each(|(own, there)| own.add(there));
            in_flight += there.in_flight;
            peak_in_flight += there.peak_in_flight;
        }
        let nodes = plan.graph.nodes().iter().zip(nodes).zip(&plan.chain_of);
        let operators = nodes.map(|((node, counts), chain)| OperatorCounts {
            name: node.name.to_string(),
            records_in: counts.records_in,
            records_out: counts.records_out,
            records_skipped: counts.records_skipped,
            watermark: Timestamp::from_millis(counts.watermark),
            chain: chains[*chain],
        });
        Metrics {
            operators: operators.collect(),
            records_in_flight: in_flight,
            peak_records_in_flight: peak_in_flight,
        }
    }
}

fn work(meter: &Meter) -> ChainWork {
    let reading = meter.read();
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    ChainWork {
        alive: millis(reading.alive),
        idle: millis(reading.idle),
        backpressured: millis(reading.backpressured),
        bytes_in: reading.bytes_in,
        bytes_out: reading.bytes_out,
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
    /// What the chain that it runs in did with its time.
    pub chain: ChainWork,
}
