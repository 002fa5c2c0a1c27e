//! The graph of a job: nodes, edges, and what each knows of the types that pass.
//!
//! Answers for what a job looks like before it runs: its names, uids, order and checks. Not for fusing nodes into
//! chains or running them (crate `millstream-runtime`).
//! Holds: an edge's two ends agree on the record type, because only the typed faces make edges.

mod edge;
mod job;
mod node;

pub use edge::{AnyExchange, Edge, TypedExchange};
pub use job::JobGraph;
pub use node::{ChainHead, Node, NodeKind, OperatorFactory, OperatorNode, SharedSides};
