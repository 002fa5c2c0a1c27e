//! A plan in a few lines, for people: what runs fused, what lies between, and what is promised.
//!
//! Answers for the text that a user reads before a job runs. Not for deciding anything: that is `plan`'s.
//! Holds: each sink has one promise, the weakest on any path that leads to it, with who makes it and why.

use std::fmt::Write as _;

use millstream_dataflow::graph::{Edge, Node, NodeKind};
use millstream_dataflow::operator::Mode;
use millstream_dataflow::source::Promise;
use millstream_model::id::NodeId;

use crate::plan::{Chain, Plan};
use crate::settings::CheckpointMode;

impl Plan {
    /// The plan in a few lines, for people.
    pub fn describe(&self) -> String {
        let mut text = self.headline();
        for (number, chain) in self.chains.iter().enumerate() {
            self.describe_chain(&mut text, number, chain);
        }
        self.describe_promises(&mut text);
        text
    }

    fn headline(&self) -> String {
        let settings = &self.settings;
        let mut text = format!(
            "{}   {}, parallelism {}, ",
            settings.name,
            in_words(&[
                (self.graph.nodes().len(), "operator", " in "),
                (self.chains.len(), "chain", ", "),
                (self.subtasks(), "subtask", ""),
            ]),
            settings.parallelism,
        );
        text.push_str(match settings.mode {
            Mode::Streaming => "streaming, ",
            Mode::Batch => "batch, ",
        });
        let _ = match &settings.checkpoints {
            Some(checkpoints) => writeln!(
                text,
                "checkpoints every {:?} in {}",
                checkpoints.interval,
                checkpoints.folder.display()
            ),
            None => writeln!(text, "no checkpoints"),
        };
        text
    }

    /// `  1: TextFiles -> map -> filter   x 2`, and below it where its records go.
    fn describe_chain(&self, text: &mut String, number: usize, chain: &Chain) {
        let names = chain.nodes.iter().map(|id| &*self.node(*id).name).collect::<Vec<_>>().join(" -> ");
        let _ = writeln!(text, "  {}: {names}   x {}", number + 1, chain.parallelism);
        for (edge, fused) in self.graph.edges().iter().zip(&self.fused) {
            if *fused || !chain.nodes.contains(&edge.from) {
                continue;
            }
            let to = self.chain_of[edge.to.0 as usize];
            let from = match &edge.tag {
                Some(tag) => format!("{} [{tag}] ", self.node(edge.from).name),
                None if chain.nodes.last() == Some(&edge.from) => String::new(),
                None => format!("{} ", self.node(edge.from).name),
            };
            let label = self.exchange_label(edge, chain.parallelism, self.chains[to].parallelism);
            let _ = writeln!(text, "     {from}={label}=> {}: {}", to + 1, self.node(edge.to).name);
        }
    }

    /// Where nothing was said and the numbers of subtasks differ, records are sent in turn.
    fn exchange_label(&self, edge: &Edge, from: u32, to: u32) -> String {
        match edge.exchange.label() {
            label if label == "forward" && from != to => "rebalance".into(),
            label => label,
        }
    }

    fn describe_promises(&self, text: &mut String) {
        let Some(checkpoints) = &self.settings.checkpoints else {
            text.push_str("  promise after a kill: none, for no checkpoints are taken\n");
            return;
        };
        for sink in self.graph.nodes() {
            let NodeKind::Sink(kind) = &sink.kind else { continue };
            let mut parts = vec![(kind.promise(), reason(sink, kind.promise()))];
            for source in self.sources_of(sink.id) {
                if let NodeKind::Source(kind) = &source.kind {
                    parts.push((kind.promise(), reason(source, kind.promise())));
                }
            }
            if checkpoints.mode == CheckpointMode::AtLeastOnce {
                parts.push((Promise::AtLeastOnce, "barriers are not waited for, as the settings say".into()));
            }
            let weakest = parts.iter().map(|(promise, _)| *promise).min().unwrap_or(Promise::ExactlyOnce);
            parts.retain(|(promise, _)| *promise == weakest && weakest != Promise::ExactlyOnce);
            let reasons = parts.into_iter().map(|(_, reason)| reason).collect::<Vec<_>>().join("; ");
            let reasons = if reasons.is_empty() { reasons } else { format!(" ({reasons})") };
            let _ = writeln!(text, "  promise after a kill: {weakest} at {}{reasons}", sink.name);
        }
    }

    /// The sources that a node's records come from, in the order of the graph.
    fn sources_of(&self, id: NodeId) -> Vec<&Node> {
        let mut reached = vec![false; self.graph.nodes().len()];
        reached[id.0 as usize] = true;
        // An edge leads from a node to a later one: one pass from the last node to the first sees every path.
        for node in self.graph.nodes().iter().rev() {
            if reached[node.id.0 as usize] {
                for edge in self.graph.edges().iter().filter(|edge| edge.to == node.id) {
                    reached[edge.from.0 as usize] = true;
                }
            }
        }
        let reached = self.graph.nodes().iter().zip(&reached).filter(|(_, reached)| **reached);
        reached.map(|(node, _)| node).filter(|node| matches!(node.kind, NodeKind::Source(_))).collect()
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.graph.nodes()[id.0 as usize]
    }
}

/// Why a source or a sink promises no more than it does.
fn reason(node: &Node, promise: Promise) -> String {
    let is_source = matches!(node.kind, NodeKind::Source(_));
    let why = match (promise, is_source) {
        (Promise::ExactlyOnce, _) => "",
        (Promise::AtMostOnce, true) => " cannot be asked again",
        (Promise::AtLeastOnce, true) => " may give again what it gave",
        (Promise::AtMostOnce, false) => " may lose what it was given",
        (Promise::AtLeastOnce, false) => " cannot take back what it wrote since the last checkpoint",
    };
    format!("{}{why}", node.name)
}

/// `3 operators in 1 chain`.
fn in_words(parts: &[(usize, &str, &str)]) -> String {
    let mut text = String::new();
    for (count, noun, behind) in parts {
        let plural = if *count == 1 { "" } else { "s" };
        let _ = write!(text, "{count} {noun}{plural}{behind}");
    }
    text
}
