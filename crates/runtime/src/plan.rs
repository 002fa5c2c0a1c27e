//! From graph to chains: which nodes are fused, how many subtasks each chain has, which channels lie between them.
//!
//! Answers for everything that is decided before a thread is started. Not for starting any.
//! Holds: a chain's nodes are in the order of the stream, its head first; a chain receives records of one type.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use millstream_dataflow::graph::{JobGraph, NodeKind};
use millstream_model::error::{Failure, Result};
use millstream_model::id::{NodeId, OperatorUid};
use millstream_state::ProgramOperator;

use crate::control::TaskId;
use crate::settings::{JobSettings, check_parallelism};

/// Nodes that run fused, in each of `parallelism` subtasks.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The nodes; the first is the source or receives from channels.
    pub nodes: Vec<NodeId>,
    /// How many subtasks.
    pub parallelism: u32,
    /// Whether the head is a source.
    pub is_source: bool,
}

/// A channel's receiving end: which chain's which subtask, and the number of the channel there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// The chain.
    pub chain: usize,
    /// Its subtask.
    pub subtask: u32,
    /// The number among the channels into that subtask.
    pub channel: usize,
}

/// A job, ready to be started.
pub struct Plan {
    /// The graph.
    pub graph: Arc<JobGraph>,
    /// The settings.
    pub settings: JobSettings,
    /// Operators that could have more subtasks have so many.
    pub most: u32,
    /// Each node's uid.
    pub uids: Vec<OperatorUid>,
    /// The chains; sources among them.
    pub chains: Vec<Chain>,
    /// The chain that each node is in.
    pub chain_of: Vec<usize>,
    /// Which edges are inside a chain.
    pub fused: Vec<bool>,
    /// For each edge that is not, and each sending subtask: the receiving ends.
    pub ports: HashMap<(usize, u32), Vec<Port>>,
    /// How many channels lead into each subtask of each chain.
    pub inputs: Vec<Vec<usize>>,
}

/// Refuses an edge that forwards between different numbers of subtasks.
fn check_forward(graph: &JobGraph, parallelism: &[u32]) -> Result<()> {
    for edge in graph.edges() {
        let (from, to) = (edge.from.0 as usize, edge.to.0 as usize);
        if edge.exchange.needs_equal_parallelism() && parallelism[from] != parallelism[to] {
            let names = graph.nodes();
            return Err(Failure::user(format!(
                "forward() leads from operator `{}` with {} subtasks to `{}` with {}",
                names[from].name, parallelism[from], names[to].name, parallelism[to]
            ))
            .advice("give both the same .parallelism(...), or use rebalance() or rescale()"));
        }
    }
    Ok(())
}

impl Plan {
    /// Checks the graph and the settings and cuts the graph into chains.
    ///
    /// # Errors
    /// What is wrong with either, and what would be right.
    pub fn new(graph: JobGraph, settings: JobSettings) -> Result<Arc<Self>> {
        settings.check()?;
        graph.check()?;
        Self::of(Arc::new(graph), settings, u32::MAX)
    }

    /// The same job for fewer slots: no operator has more than `most` subtasks.
    ///
    /// # Errors
    /// None that the wider one did not have.
    pub fn narrowed(self: &Arc<Self>, most: u32) -> Result<Arc<Self>> {
        if most == self.most || (most > self.widest() && self.most == u32::MAX) {
            return Ok(self.clone());
        }
        Self::of(self.graph.clone(), self.settings.clone(), most)
    }

    /// The most subtasks that a chain has: so many slots it takes.
    pub fn widest(&self) -> u32 {
        self.chains.iter().map(|chain| chain.parallelism).max().unwrap_or(0)
    }

    fn of(graph: Arc<JobGraph>, settings: JobSettings, most: u32) -> Result<Arc<Self>> {
        let max = u32::from(settings.max_parallelism.get());
        let mut parallelism = Vec::with_capacity(graph.nodes().len());
        for node in graph.nodes() {
            let own = node.parallelism.unwrap_or(settings.parallelism);
            check_parallelism(&format!("operator `{}`", node.name), own, max)?;
            parallelism.push(own.min(most.max(1)));
        }
        check_forward(&graph, &parallelism)?;
        let uids = graph.uids();
        let mut plan = Self {
            fused: vec![false; graph.edges().len()],
            chain_of: vec![0; graph.nodes().len()],
            graph,
            settings,
            most,
            uids,
            chains: Vec::new(),
            ports: HashMap::new(),
            inputs: Vec::new(),
        };
        plan.cut(&parallelism);
        plan.lay_channels();
        Ok(Arc::new(plan))
    }

    fn cut(&mut self, parallelism: &[u32]) {
        for node in self.graph.nodes() {
            let index = node.id.0 as usize;
            let mut inputs = self.graph.edges().iter().enumerate().filter(|(_, edge)| edge.to == node.id);
            let (first, second) = (inputs.next(), inputs.next());
            if let (Some((number, edge)), None) = (first, second) {
                let from = edge.from.0 as usize;
                if edge.exchange.can_fuse(parallelism[from], parallelism[index]) {
                    let chain = self.chain_of[from];
                    self.fused[number] = true;
                    self.chain_of[index] = chain;
                    self.chains[chain].nodes.push(node.id);
                    continue;
                }
            }
            self.chain_of[index] = self.chains.len();
            self.chains.push(Chain {
                nodes: vec![node.id],
                parallelism: parallelism[index],
                is_source: matches!(node.kind, NodeKind::Source(_)),
            });
        }
    }

    fn lay_channels(&mut self) {
        self.inputs = self.chains.iter().map(|chain| vec![0; chain.parallelism as usize]).collect();
        for (number, edge) in self.graph.edges().iter().enumerate() {
            if self.fused[number] {
                continue;
            }
            let (from, to) = (self.chain_of[edge.from.0 as usize], self.chain_of[edge.to.0 as usize]);
            let (senders, receivers) = (self.chains[from].parallelism, self.chains[to].parallelism);
            for sender in 0..senders {
                let ports = edge.exchange.receivers(sender, senders, receivers).map(|subtask| {
                    let count = &mut self.inputs[to][subtask as usize];
                    *count += 1;
                    Port { chain: to, subtask, channel: *count - 1 }
                });
                let ports = ports.collect();
                self.ports.insert((number, sender), ports);
            }
        }
    }

    /// The number of channels of the whole job.
    pub fn channels(&self) -> usize {
        self.inputs.iter().flatten().sum()
    }

    /// How many records one channel may hold, so that all of them together keep to the setting.
    pub fn channel_capacity(&self) -> usize {
        (self.settings.records_in_flight / self.channels().max(1)).max(1)
    }

    /// How many records a batch on a channel has.
    pub fn batch_size(&self) -> usize {
        (self.channel_capacity() / 2).clamp(1, millstream_dataflow::batch::DEFAULT_BATCH)
    }

    /// All subtasks, chain by chain.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> + '_ {
        let of_chain = |(chain, cut): (usize, &Chain)| {
            (0..cut.parallelism).map(move |subtask| TaskId { chain, subtask })
        };
        self.chains.iter().enumerate().flat_map(of_chain)
    }

    /// The subtasks of all chains.
    pub fn subtasks(&self) -> usize {
        self.chains.iter().map(|chain| chain.parallelism as usize).sum()
    }

    /// The operators as a checkpoint lists them.
    pub fn operators(&self) -> Vec<ProgramOperator> {
        let nodes = self.graph.nodes().iter().zip(&self.uids);
        nodes
            .map(|(node, uid)| ProgramOperator {
                uid: uid.to_string(),
                name: node.name.to_string(),
                has_state: node.keeps_state || matches!(node.kind, NodeKind::Sink(_)),
            })
            .collect()
    }

    /// What the graph amounts to: equal for the same program.
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        for (node, uid) in self.graph.nodes().iter().zip(&self.uids) {
            let _ = write!(text, "{uid}:{};", node.name);
        }
        for edge in self.graph.edges() {
            let _ = write!(text, "{}-{}->{};", edge.from.0, edge.exchange.label(), edge.to.0);
        }
        format!("{:016x}", millstream_model::key::hash::hash_of(&text))
    }
}
