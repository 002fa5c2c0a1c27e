//! Batches to agents, each until one has acknowledged it.

use std::time::{Duration, Instant};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::Cancelled;
use millstream_dataflow::sink::{SinkWriter, WriterContext};
use millstream_model::error::{Failure, Result};
use millstream_model::id::CheckpointId;
use millstream_model::settings::shown_duration;

use super::agents::Agents;
use crate::flume::client::{AvroClient, CallError, ThriftClient, Wait, dial};
use crate::flume::event::FlumeEvent;
use crate::flume::settings::{Choose, SendProtocol};
use crate::flume::wire::packed::Packed;
use crate::flume::wire::thrift::Encoding;

/// A sink as its writers need it.
pub(super) struct Plan {
    pub(super) agents: Vec<String>,
    pub(super) protocol: SendProtocol,
    pub(super) deflate: bool,
    pub(super) choose: Choose,
    pub(super) batch: u32,
    pub(super) request_timeout: Duration,
    pub(super) start_timeout: Duration,
    pub(super) outage_timeout: Duration,
    pub(super) longest_pause: Duration,
}

enum Client {
    Avro(AvroClient),
    Thrift(ThriftClient),
}

pub(super) struct Writer {
    plan: Plan,
    cancelled: Cancelled,
    agents: Agents,
    clients: Vec<Option<Client>>,
    events: Packed,
}

impl Writer {
    pub(super) fn open(plan: Plan, context: WriterContext) -> Result<Self> {
        let seed = u64::from(context.subtask.index);
        let agents = Agents::new(plan.agents.len(), plan.choose, plan.longest_pause, seed);
        let clients = plan.agents.iter().map(|_| None).collect();
        let mut own = Self { plan, cancelled: context.cancelled, agents, clients, events: Packed::default() };
        // That no agent is there is told of before there is anything to send.
        let timeout = own.plan.start_timeout;
        own.try_until(timeout, "start-timeout", |own, agent| own.connect(agent).map(|()| true))?;
        Ok(own)
    }

    fn connect(&mut self, agent: usize) -> Result<(), CallError> {
        let (Some(client), Some(address)) = (self.clients.get_mut(agent), self.plan.agents.get(agent)) else {
            return Ok(());
        };
        if client.is_none() {
            let stream = dial(address)?;
            *client = Some(match self.plan.protocol {
                SendProtocol::Avro => Client::Avro(AvroClient::to_source(stream, self.plan.deflate)),
                SendProtocol::Thrift => Client::Thrift(ThriftClient::new(stream, Encoding::Compact)),
                SendProtocol::ThriftBinary => Client::Thrift(ThriftClient::new(stream, Encoding::Binary)),
            });
        }
        Ok(())
    }

    /// Sends what is gathered to an agent; whether it was taken.
    fn append(&mut self, agent: usize) -> Result<bool, CallError> {
        self.connect(agent)?;
        let Some(Some(client)) = self.clients.get_mut(agent) else { return Ok(false) };
        let cancelled = &self.cancelled;
        let is_over = || cancelled.wait(Duration::ZERO).is_err();
        let wait = Wait { timeout: self.plan.request_timeout, is_over: &is_over };
        match client {
            Client::Avro(client) => client.append(&self.events, wait),
            Client::Thrift(client) => client.append(&self.events, wait),
        }
    }

    /// Tries one agent after the other until one does it.
    fn try_until(
        &mut self,
        timeout: Duration,
        setting: &str,
        mut attempt: impl FnMut(&mut Self, usize) -> Result<bool, CallError>,
    ) -> Result<()> {
        let begun = Instant::now();
        loop {
            let (agent, at) = self.agents.next(Instant::now());
            self.cancelled.wait(at.saturating_duration_since(Instant::now()))?;
            let error = match attempt(self, agent) {
                Ok(true) => {
                    self.agents.served(agent);
                    return Ok(());
                }
                Ok(false) => format!(
                    "it answered that it did not take {} events: its channel is full, or has a transactionCapacity below that",
                    self.events.count
                ),
                Err(CallError::Over) => return Err(Failure::cancelled()),
                Err(error) => error.to_string(),
            };
            if let Some(client) = self.clients.get_mut(agent) {
                *client = None;
            }
            self.agents.failed(agent, Instant::now());
            let address = self.plan.agents.get(agent).map_or("none", String::as_str);
            if begun.elapsed() >= timeout {
                let all = self.plan.agents.join(", ");
                let limit = shown_duration(timeout);
                return Err(Failure::external(format!("no Flume agent took events for {limit}; tried {all}"))
                    .because(format!("the agent at {address}: {error}"))
                    .advice(format!(
                        "see that the agents are up and have sources that understand the setting `protocol`; to wait longer: {setting}"
                    )));
            }
            tracing::warn!(agent = address, error, "a Flume agent did not take events, trying again");
        }
    }

    fn send(&mut self) -> Result<()> {
        if self.events.count == 0 {
            return Ok(());
        }
        let timeout = self.plan.outage_timeout;
        self.try_until(timeout, "outage-timeout", Self::append)?;
        self.events.clear();
        Ok(())
    }
}

impl<T: Into<FlumeEvent>> SinkWriter<T, (), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        for record in batch.drain() {
            self.events.put_event(&record.into());
            if self.events.count >= self.plan.batch {
                self.send()?;
            }
        }
        batch.clear();
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.send()
    }

    fn prepare(&mut self, _: CheckpointId) -> Result<Vec<()>> {
        self.send()?;
        Ok(Vec::new())
    }

    fn on_end(&mut self) -> Result<()> {
        self.send()
    }
}
