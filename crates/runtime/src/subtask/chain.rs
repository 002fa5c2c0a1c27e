//! Building a chain: from its last node to its first, with the senders of the exchanges that leave it.

use std::any::Any;
use std::sync::Arc;

use millstream_dataflow::exchange::Route;
use millstream_dataflow::graph::{ChainHead, NodeKind};
use millstream_dataflow::operator::{LinkIdentity, SideOutputs};
use millstream_dataflow::source::AnyReader;
use millstream_model::error::{Failure, Result};
use millstream_model::id::NodeId;

use super::TaskSetup;

/// The reader of a source chain, with the chain behind it.
pub(super) fn source_chain(setup: &TaskSetup) -> Result<Box<dyn AnyReader>> {
    let head = setup.plan.chains[setup.id.chain].nodes[0];
    let NodeKind::Source(source) = &setup.plan.graph.nodes()[head.0 as usize].kind else {
        return Err(Failure::internal("a source chain does not begin with a source"));
    };
    source.reader(setup.subtask(), main_output(setup, head)?)
}

/// The head of a chain that receives from channels.
pub(super) fn receiving_chain(setup: &TaskSetup) -> Result<Box<dyn ChainHead>> {
    let head = setup.plan.chains[setup.id.chain].nodes[0];
    let mut inputs = setup.plan.graph.edges().iter().filter(|edge| edge.to == head);
    let edge = inputs.next().ok_or_else(|| {
        let name = &setup.plan.graph.nodes()[head.0 as usize].name;
        Failure::user(format!("operator `{name}` has no input"))
    })?;
    edge.exchange.head(downstream(setup, head)?)
}

/// The node as a downstream, with everything behind it.
fn downstream(setup: &TaskSetup, id: NodeId) -> Result<Box<dyn Any>> {
    let index = id.0 as usize;
    let node = &setup.plan.graph.nodes()[index];
    let identity = LinkIdentity {
        name: node.name.clone(),
        uid: setup.plan.uids[index].clone(),
        counts: setup.counters.of(index),
        on_error: node.on_error.clone(),
    };
    match &node.kind {
        NodeKind::Operator(operator) => {
            operator.link(identity, main_output(setup, id)?, side_outputs(setup, id)?)
        }
        NodeKind::Sink(sink) => Ok(sink.downstream(identity)),
        NodeKind::Source(_) => {
            Err(Failure::internal(format!("source `{}` stands behind another operator", node.name)))
        }
    }
}

/// What reads along one edge: the next node of the chain, or the sender of an exchange.
fn reader(setup: &TaskSetup, edge_number: usize) -> Result<Box<dyn Any>> {
    let plan = &setup.plan;
    let edge = &plan.graph.edges()[edge_number];
    if plan.fused[edge_number] {
        return downstream(setup, edge.to);
    }
    let ports = plan.ports.get(&(edge_number, setup.id.subtask)).map_or(&[][..], Vec::as_slice);
    let meter = setup.counters.meter(setup.id);
    let channels = ports.iter().map(|port| setup.channels.sender(*port, &edge.exchange, &meter));
    let channels = channels.collect::<Result<Vec<_>>>()?;
    let receivers = plan.chains[plan.chain_of[edge.to.0 as usize]].parallelism;
    let to = edge.to.0 as usize;
    let route = Route {
        name: plan.graph.nodes()[to].name.clone(),
        uid: plan.uids[to].clone(),
        receivers: u16::try_from(receivers).unwrap_or(u16::MAX),
        max_parallelism: plan.settings.max_parallelism,
    };
    let flush_each = plan.settings.flush_interval.is_zero();
    Ok(edge.exchange.sender(channels, route, plan.batch_size(), flush_each))
}

fn main_output(setup: &TaskSetup, id: NodeId) -> Result<Option<Box<dyn Any>>> {
    let edges = setup.plan.graph.edges();
    let mine = |edge: &usize| edges[*edge].from == id && edges[*edge].tag.is_none();
    let numbers: Vec<usize> = (0..edges.len()).filter(mine).collect();
    let Some(first) = numbers.first() else { return Ok(None) };
    let readers = numbers.iter().map(|number| reader(setup, *number)).collect::<Result<Vec<_>>>()?;
    edges[*first].exchange.fan_out(readers).map(Some)
}

fn side_outputs(setup: &TaskSetup, id: NodeId) -> Result<SideOutputs> {
    let mut sides = SideOutputs::default();
    let edges = setup.plan.graph.edges();
    let mut tags: Vec<Arc<str>> = Vec::new();
    for edge in edges.iter().filter(|edge| edge.from == id) {
        if let Some(tag) = edge.tag.as_ref().filter(|tag| !tags.contains(tag)) {
            tags.push(tag.clone());
        }
    }
    for tag in tags {
        let mine = |edge: &usize| edges[*edge].from == id && edges[*edge].tag.as_ref() == Some(&tag);
        let numbers: Vec<usize> = (0..edges.len()).filter(mine).collect();
        let readers = numbers.iter().map(|number| reader(setup, *number)).collect::<Result<Vec<_>>>()?;
        if let Some(first) = numbers.first() {
            let exchange = &edges[*first].exchange;
            exchange.add_side(&mut sides, &tag, exchange.fan_out(readers)?)?;
        }
    }
    Ok(sides)
}
