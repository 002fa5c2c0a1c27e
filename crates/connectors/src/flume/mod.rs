//! Apache Flume as a source and as a sink.
//!
//! Answers for agents that push to this job, agents that it pulls from, and agents that it sends to, in the protocols of
//! Flume's own sinks and sources, which are spoken here (`wire`). Not for Flume's agents themselves.
//! Holds: at least once both ways. Flume numbers nothing, so that what is sent again after a failure cannot be told from
//! what is new.

mod client;
mod event;
mod intake;
mod listen;
mod log;
mod pull;
pub mod settings;
pub mod sink;
pub mod source;
mod wire;

pub use event::FlumeEvent;
pub use log::LogPlace;
pub use sink::FlumeSink;
pub use source::split::FlumeSplit;
pub use source::{Bound, FlumeSource};

/// Where reading from Flume and writing to it begin.
///
/// ```
/// use millstream_connectors::flume::{Flume, FlumeEvent};
///
/// let pushed = Flume::listen(["4141"]).set("log", "/var/lib/job/flume");
/// let pulled = Flume::pull(["agent-1:9988", "agent-2:9988"]).text();
/// let sink = Flume::send::<FlumeEvent>(["agent-1:4545", "agent-2:4545"]).set("choose", "round-robin");
/// ```
pub struct Flume;

impl Flume {
    /// Events that agents push: their sinks of type `avro` or `thrift` are given these addresses. A port alone is open to this
    /// machine only; a host, such as `0.0.0.0:4141`, opens it to others, whom nothing asks who they are.
    pub fn listen<A: Into<String>>(addresses: impl IntoIterator<Item = A>) -> FlumeSource {
        FlumeSource::new(false, addresses.into_iter().map(Into::into).collect())
    }

    /// Events that are pulled out of agents, `host:port` of their sinks: Spark's `SparkSink`.
    pub fn pull<A: Into<String>>(agents: impl IntoIterator<Item = A>) -> FlumeSource {
        FlumeSource::new(true, agents.into_iter().map(Into::into).collect())
    }

    /// Records to agents, `host:port` of their sources of type `avro` or `thrift`.
    pub fn send<T: Into<FlumeEvent>>(agents: impl IntoIterator<Item = impl Into<String>>) -> FlumeSink<T> {
        FlumeSink::new(agents.into_iter().map(Into::into).collect())
    }
}
