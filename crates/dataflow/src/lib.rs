//! What a job is made of: source, operator, exchange, state, sink, graph.
//!
//! Answers for the contracts between those who write operators and connectors and the runtime that runs them,
//! and for what travels between them. Not for any operator or connector in particular, and not for threads,
//! files or networks.
//! Holds: whatever implements these traits can run in any runtime that honours them.

pub mod batch;
pub mod exchange;
pub mod graph;
pub mod lineage;
pub mod operator;
pub mod sink;
pub mod source;
pub mod state;
