//! One job of the master's program: how it is, and what it hears.

use std::sync::{Arc, PoisonError};

use crate::control::{Graph, GraphEdge, GraphNode, OperatorReport, Report};
use crate::job::message::Message;
use crate::job::{JobRemote, JobStatus, Shared};
use crate::sync::{Mutex, Sender};
use millstream_dataflow::graph::NodeKind;
use millstream_model::time::Timestamp;

/// See the module.
pub(crate) struct Seat {
    number: u64,
    remote: Mutex<JobRemote>,
    shared: Arc<Shared>,
    waits_for: Mutex<Option<String>>,
}

impl Seat {
    pub(crate) fn new(number: u64, remote: JobRemote, shared: Arc<Shared>) -> Self {
        Self { number, remote: Mutex::new(remote), shared, waits_for: Mutex::new(None) }
    }

    /// Where its coordinator hears.
    pub(crate) fn messages(&self) -> Sender<Message> {
        self.remote().messages
    }

    /// What the job is stopped and cancelled with.
    pub(crate) fn remote(&self) -> JobRemote {
        self.remote.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells its coordinator.
    pub(crate) fn tell(&self, message: Message) {
        let _ = self.messages().send(message);
    }

    /// What it waits for, or that it waits no longer.
    pub(crate) fn waits_for(&self, what: Option<String>) {
        let mut waits = self.waits_for.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(what) = &what
            && waits.as_ref() != Some(what)
        {
            tracing::info!("the job waits: {what}");
        }
        *waits = what;
    }

    /// Whether it still runs.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.shared.status(), JobStatus::Running | JobStatus::Restarting)
    }

    /// How the job is.
    pub(crate) fn report(&self) -> Report {
        let plan = &self.shared.plan;
        let metrics = self.shared.metrics();
        let (checkpoints, exceptions) =
            self.shared.history.lock().unwrap_or_else(PoisonError::into_inner).lists();
        let operators = metrics.operators.iter().map(|counts| OperatorReport {
            records_in: counts.records_in,
            records_out: counts.records_out,
            records_skipped: counts.records_skipped,
            watermark: (counts.watermark != Timestamp::MIN).then(|| counts.watermark.millis()),
            chain: counts.chain,
        });
        Report {
            name: plan.settings.name.clone(),
            status: self.shared.status(),
            waits_for: self.waits_for.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            number: self.number,
            restarts: self.shared.restarts(),
            parallelism: plan.chains.iter().map(|chain| chain.parallelism).max().unwrap_or(0),
            plan: plan.describe(),
            graph: graph(plan),
            operators: operators.collect(),
            records_in_flight: metrics.records_in_flight as u64,
            checkpoints,
            exceptions,
        }
    }
}

fn graph(plan: &crate::plan::Plan) -> Graph {
    let nodes = plan.graph.nodes().iter().zip(&plan.uids).zip(&plan.chain_of);
    let nodes = nodes.map(|((node, uid), chain)| GraphNode {
        name: node.name.to_string(),
        uid: uid.to_string(),
        kind: match node.kind {
            NodeKind::Source(_) => "source",
            NodeKind::Operator(_) => "operator",
            NodeKind::Sink(_) => "sink",
        }
        .into(),
        parallelism: plan.chains[*chain].parallelism,
        chain: *chain,
    });
    let edges = plan.graph.edges().iter();
    let edges =
        edges.map(|edge| GraphEdge { from: edge.from.0, to: edge.to.0, exchange: edge.exchange.label() });
    Graph { nodes: nodes.collect(), edges: edges.collect() }
}
