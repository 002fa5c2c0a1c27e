//! The whole graph of a job.

use std::collections::HashMap;
use std::fmt::Write as _;

use millstream_model::error::{Failure, Result};
use millstream_model::id::{NodeId, OperatorUid};

use super::{Edge, Node, NodeKind};
use crate::source::{Boundedness, Promise};

/// Nodes and edges, in the order in which the program made them; an edge leads from a node to a later one.
#[derive(Clone, Default)]
pub struct JobGraph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

impl JobGraph {
    /// A graph of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node, without a uid and with the job's parallelism; sources keep state, others are to say so.
    pub fn add(&mut self, name: impl Into<std::sync::Arc<str>>, kind: NodeKind) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let keeps_state = matches!(kind, NodeKind::Source(_));
        self.nodes.push(Node { id, name: name.into(), uid: None, parallelism: None, keeps_state, kind });
        id
    }

    /// Adds an edge.
    pub fn connect(&mut self, edge: Edge) {
        self.edges.push(edge);
    }

    /// The node, to be given a name, a uid or a parallelism.
    pub fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id.0 as usize)
    }

    /// The nodes, in an order in which no edge leads back.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The edges.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Each node's uid: the user's, or one derived from its name and how many nodes of that name came before it.
    pub fn uids(&self) -> Vec<OperatorUid> {
        let mut seen: HashMap<&str, u32> = HashMap::new();
        self.nodes
            .iter()
            .map(|node| {
                let count = seen.entry(&node.name).or_default();
                *count += 1;
                node.uid.clone().unwrap_or_else(|| match *count {
                    1 => OperatorUid::new(&*node.name),
                    n => OperatorUid::new(format!("{}-{n}", node.name)),
                })
            })
            .collect()
    }

    /// Refuses a graph that cannot run: no nodes, no source, a uid given twice.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn check(&self) -> Result<()> {
        if !self.nodes.iter().any(|node| matches!(node.kind, NodeKind::Source(_))) {
            return Err(Failure::user("the job has no source: nothing would run")
                .advice("make a stream with one of the environment's sources before execute()"));
        }
        let mut seen: HashMap<OperatorUid, &str> = HashMap::new();
        for (node, uid) in self.nodes.iter().zip(self.uids()) {
            if let Some(other) = seen.insert(uid.clone(), &node.name) {
                return Err(Failure::user(format!(
                    "two operators have the uid `{uid}`: `{other}` and `{}`; state could not be told apart",
                    node.name
                ))
                .advice("give each operator a uid of its own with .uid(\"...\")"));
            }
        }
        Ok(())
    }

    /// Whether all sources end by themselves.
    pub fn is_bounded(&self) -> bool {
        self.nodes.iter().all(|node| match &node.kind {
            NodeKind::Source(source) => source.boundedness() == Boundedness::Bounded,
            _ => true,
        })
    }

    /// The weakest promise of the sources and sinks, and who makes it.
    pub fn weakest_promise(&self) -> Option<(Promise, String)> {
        self.nodes
            .iter()
            .filter_map(|node| match &node.kind {
                NodeKind::Source(source) => Some((source.promise(), source.name())),
                NodeKind::Sink(sink) => Some((sink.promise(), sink.name())),
                NodeKind::Operator(_) => None,
            })
            .min_by_key(|(promise, _)| *promise)
    }

    /// The graph on a few lines, for people: each path from node to node with the exchange between them.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        for edge in &self.edges {
            let name = |id: NodeId| self.nodes.get(id.0 as usize).map_or("?", |node| &*node.name);
            let side = edge.tag.as_ref().map(|tag| format!(" [{tag}]")).unwrap_or_default();
            let _ =
                writeln!(text, "  {}{side} ={}=> {}", name(edge.from), edge.exchange.label(), name(edge.to));
        }
        text
    }
}
