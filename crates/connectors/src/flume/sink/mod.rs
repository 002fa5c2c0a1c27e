//! Flume as a sink: records to agents' sources.
//!
//! Holds: at least once. A checkpoint is complete only when agents have acknowledged all that stands before it; a batch
//! whose answer did not come is sent again, to whichever agent is next.

mod agents;
#[cfg(test)]
mod tests;
mod writer;

use std::marker::PhantomData;

use millstream_dataflow::sink::{Sink, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use self::writer::{Plan, Writer};
use super::client::check_address;
use super::event::FlumeEvent;
use super::settings::{self, Chosen, Compression, SINK_SETTINGS, SendProtocol};

/// Sends records to agents in batches; made by [`Flume::send`](crate::flume::Flume::send).
///
/// What can be made an event can be sent: a [`FlumeEvent`], a text, bytes, or any type with a `From` of its own.
///
/// ```
/// use millstream_connectors::flume::{Flume, FlumeEvent};
///
/// #[derive(Clone)]
/// struct Count { word: String, count: u64 }
///
/// impl From<Count> for FlumeEvent {
///     fn from(count: Count) -> Self {
///         FlumeEvent::new(count.count.to_string()).header("word", count.word)
///     }
/// }
///
/// let sink = Flume::send::<Count>(["agent-1:4545", "agent-2:4545"]).set("protocol", "thrift");
/// ```
#[derive(Debug)]
pub struct FlumeSink<T> {
    agents: Vec<String>,
    settings: Chosen,
    record: PhantomData<fn(T)>,
}

impl<T> Clone for FlumeSink<T> {
    fn clone(&self) -> Self {
        Self { agents: self.agents.clone(), settings: self.settings.clone(), record: PhantomData }
    }
}

impl<T> FlumeSink<T> {
    pub(super) fn new(agents: Vec<String>) -> Self {
        Self { agents, settings: Chosen::new(&SINK_SETTINGS), record: PhantomData }
    }

    /// Gives a setting its value: see [`SINK_SETTINGS`]. One that is unknown or malformed is refused when the job starts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.set(name, value);
        self
    }

    fn plan(&self) -> Result<Plan> {
        let chosen = &self.settings;
        chosen.check()?;
        if self.agents.is_empty() {
            return Err(Failure::user("a Flume sink has no agent").advice("give one at least: host:port"));
        }
        self.agents.iter().try_for_each(|agent| check_address(agent))?;
        let plan = Plan {
            agents: self.agents.clone(),
            protocol: chosen.get(&settings::SEND_PROTOCOL)?,
            deflate: chosen.get(&settings::COMPRESSION)? == Compression::Deflate,
            choose: chosen.get(&settings::CHOOSE)?,
            batch: chosen.get(&settings::SEND_BATCH)?,
            request_timeout: chosen.get(&settings::SEND_REQUEST_TIMEOUT)?,
            start_timeout: chosen.get(&settings::START_TIMEOUT)?,
            outage_timeout: chosen.get(&settings::OUTAGE_TIMEOUT)?,
            longest_pause: chosen.get(&settings::AGENT_PAUSE)?,
        };
        if plan.deflate && plan.protocol != SendProtocol::Avro {
            return Err(Failure::user("Flume's Thrift connections are never compressed")
                .advice("leave out the setting `compression`, or set `protocol` to avro"));
        }
        Ok(plan)
    }
}

impl<T: Record + Into<FlumeEvent>> Sink for FlumeSink<T> {
    type Record = T;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "FlumeSink".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer::open(self.plan()?, context)?))
    }
}
