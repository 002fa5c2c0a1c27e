//! The whole graph of a job.

use std::collections::HashMap;

use millstream_model::error::{Failure, Result};
use millstream_model::id::{NodeId, OperatorUid};

use super::{Edge, Node, NodeKind};
use crate::operator::OnError;
use crate::source::Boundedness;

/// The node's name and where in the program its uid was given, for people.
fn with_place(node: &Node) -> String {
    match node.uid_given_at {
        Some(place) => format!("`{}` (uid given at {}:{})", node.name, place.file(), place.line()),
        None => format!("`{}` (uid derived from its name)", node.name),
    }
}

/// Refuses an [`OnError`] for an operator that cannot reject records, or rejects others than the side output takes.
fn check_on_error(node: &Node) -> Result<()> {
    let rejects = match &node.kind {
        NodeKind::Operator(operator) => operator.rejects(),
        NodeKind::Source(_) | NodeKind::Sink(_) => None,
    };
    match (&node.on_error, rejects) {
        (OnError::Fail, _) | (OnError::Skip, Some(_)) => Ok(()),
        (OnError::SideOutput(tag), Some(record)) if tag.record() == record => Ok(()),
        (OnError::SideOutput(tag), Some(record)) => Err(Failure::user(format!(
            "side output `{}` takes rejected records of type `{}`, but those of operator `{}` are of type `{}`",
            tag.name(),
            tag.record().name(),
            node.name,
            record.name()
        ))
        .advice(format!("make the tag an OutputTag<Rejected<{}>>", record.name()))),
        (_, None) => Err(Failure::user(format!(
            "operator `{}` has no function that can give an error for a record, so .on_error(...) has no meaning",
            node.name
        ))
        .advice("put .on_error(...) right behind try_map, try_filter, try_flat_map or process")),
    }
}

/// Nodes and edges, in the order in which the program made them; an edge leads from a node to a later one.
#[derive(Clone, Default)]
pub struct JobGraph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    mistakes: Vec<(String, String)>,
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
        self.nodes.push(Node {
            id,
            name: name.into(),
            uid: None,
            uid_given_at: None,
            parallelism: None,
            keeps_state,
            on_error: OnError::Fail,
            kind,
        });
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

    /// Notes what the program did wrong while it made the graph, and what would be right: the graph is refused for it.
    pub fn mistake(&mut self, what: impl Into<String>, advice: impl Into<String>) {
        self.mistakes.push((what.into(), advice.into()));
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

    /// Refuses a graph that cannot run: no source, a uid given twice, an [`OnError`] where nothing can be rejected.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn check(&self) -> Result<()> {
        if let Some((what, advice)) = self.mistakes.first() {
            return Err(Failure::user(what.clone()).advice(advice.clone()));
        }
        if !self.nodes.iter().any(|node| matches!(node.kind, NodeKind::Source(_))) {
            return Err(Failure::user("the job has no source: nothing would run")
                .advice("make a stream with one of the environment's sources before execute()"));
        }
        let mut seen: HashMap<OperatorUid, &Node> = HashMap::new();
        for (node, uid) in self.nodes.iter().zip(self.uids()) {
            if let Some(other) = seen.insert(uid.clone(), node) {
                return Err(Failure::user(format!(
                    "two operators have the uid `{uid}`: {} and {}; state could not be told apart",
                    with_place(other),
                    with_place(node)
                ))
                .advice("give each operator a uid of its own with .uid(\"...\")"));
            }
            check_on_error(node)?;
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
}
