//! What a job is made of: source, operator, exchange, state, sink, graph.

pub mod state;
