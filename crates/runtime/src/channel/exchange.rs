//! This process's end of all channels between the executors of a job.
//!
//! Answers for laying the channels of an attempt: whom to connect with, which channel leads where. Not for what flows in
//! them (`network`).
//! Holds: two processes have one connection in an attempt, made by the one that stands later in the list of peers; after
//! `cancel` none is left.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millstream_dataflow::exchange::ChannelSender;
use millstream_dataflow::graph::AnyExchange;
use millstream_model::error::{Failure, Result};
use millstream_network::{Hello, Security};

use super::channels::{Beyond, inboxes};
use super::{Channels, Meter};
use crate::control::{Charge, Deployment, ExecutorId, TaskId};
use crate::job::Counters;
use crate::network::{Connection, Expected, Incoming, Listener, Lost, NetworkSettings, Peer, Why, connect};
use crate::plan::{Plan, Port};

/// How long the connections of an attempt may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon somebody who waits looks whether the attempt is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// See the module.
pub(crate) struct Exchange {
    own: ExecutorId,
    job: String,
    security: Security,
    listener: Listener,
}

/// Told of a failure that ends the attempt: a peer that is lost, or one that cannot be understood.
pub(crate) type Broke = Arc<dyn Fn(Failure, Break) + Send + Sync>;

/// What broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// A process is gone, or the way to it.
    Lost,
    /// What came could not be read: it will not be read in another attempt.
    Garbled,
}

impl Exchange {
    /// Listens for the other executors of the job.
    ///
    /// # Errors
    /// If no port can be had.
    pub(crate) fn open(own: ExecutorId, charge: &Charge) -> Result<Arc<Self>> {
        let security = charge.security()?;
        let address = SocketAddr::from((charge.listen, 0)).to_string();
        let listener = Listener::bind(&address, security.clone(), NetworkSettings::default())?;
        Ok(Arc::new(Self { own, job: charge.job.clone(), security, listener }))
    }

    /// What this process shows to others of its job, and asks of them.
    pub(crate) fn security(&self) -> &Security {
        &self.security
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Lays the channels of an attempt into the subtasks that run here, and connects with everybody else. `broke` is told
    /// of what ends the attempt; once `unwanted` is set it is given up.
    ///
    /// # Errors
    /// If a peer cannot be reached, or records of an edge between processes have no encoding.
    pub(crate) fn lay(
        &self,
        plan: &Arc<Plan>,
        deployment: &Deployment,
        tasks: &[TaskId],
        counters: &Counters,
        broke: &Broke,
        unwanted: &AtomicBool,
    ) -> Result<Arc<Channels>> {
        let inboxes = inboxes(plan, tasks, &counters.gauge);
        let settings =
            NetworkSettings { compression: plan.settings.compression, ..NetworkSettings::default() };
        let connections = self.connections(deployment, &settings, broke, unwanted)?;
        let peers = Peers {
            plan: plan.clone(),
            places: deployment.places.clone(),
            first: first_channels(plan),
            connections: Mutex::new(connections),
        };
        for ((edge, sender), ports) in &plan.ports {
            let edge = &plan.graph.edges()[*edge];
            let from = deployment.places[plan.chain_of[edge.from.0 as usize]][*sender as usize];
            for port in ports.iter().filter(|_| from != self.own) {
                let task = TaskId { chain: port.chain, subtask: port.subtask };
                let Some(inbox) = inboxes.get(&task) else { continue };
                let decoder =
                    edge.exchange.decoder().ok_or_else(|| no_encoding(plan, port, &edge.exchange))?;
                let incoming = Incoming {
                    decoder,
                    inbox: inbox.clone(),
                    channel: port.channel,
                    meter: counters.meter(task),
                };
                peers.with(from, |connection| connection.receive(peers.number(*port), incoming))?;
            }
        }
        Ok(Channels::across(inboxes, Arc::new(peers)))
    }

    /// One connection to each of the others.
    fn connections(
        &self,
        deployment: &Deployment,
        settings: &NetworkSettings,
        broke: &Broke,
        unwanted: &AtomicBool,
    ) -> Result<HashMap<ExecutorId, Connection>> {
        let peers = &deployment.peers;
        let place = peers.iter().position(|peer| peer.executor == self.own);
        let place =
            place.ok_or_else(|| Failure::internal("a deployment without the executor that it came to"))?;
        let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        let attempt = deployment.attempt;
        let expected =
            Expected { attempt, fingerprint: deployment.fingerprint.clone(), process: number(place) };
        let admissions = self.listener.expect(&self.job, expected)?;
        let hello = Hello {
            job: self.job.clone(),
            attempt,
            process: number(place),
            fingerprint: deployment.fingerprint.clone(),
        };
        let until = Instant::now() + PATIENCE;
        let is_over = || unwanted.load(Ordering::Acquire) || Instant::now() > until;
        let mut connections = HashMap::new();
        for peer in &peers[..place] {
            let address = peer.data.to_string();
            let connected = loop {
                match connect(&address, &hello, &self.security, Instant::now() + LOOK * 5) {
                    Err(failure) if !failure.may_retry() || is_over() => return Err(failure),
                    Err(_) => {}
                    Ok(connected) => break connected,
                }
            };
            connections.insert(peer.executor, start(connected, peer.executor, settings, broke)?);
        }
        while connections.len() + 1 < peers.len() {
            match admissions.next(LOOK) {
                Some(came) => {
                    let executor = peers.get(came.process as usize).map(|peer| peer.executor);
                    let executor = executor.ok_or_else(|| Failure::internal("a peer that is in no list"))?;
                    connections.insert(executor, start(came, executor, settings, broke)?);
                }
                None if is_over() => {
                    let absent = peers.iter().map(|peer| peer.executor);
                    let absent = absent.filter(|id| *id != self.own && !connections.contains_key(id));
                    let names: Vec<String> = absent.map(|executor| executor.to_string()).collect();
                    return Err(Failure::external(format!("{} did not connect", names.join(", "))));
                }
                None => {}
            }
        }
        Ok(connections)
    }
}

fn start(peer: Peer, executor: ExecutorId, settings: &NetworkSettings, broke: &Broke) -> Result<Connection> {
    let broke = broke.clone();
    let on_lost = move |lost: Lost| match lost.why {
        // It was told that the attempt is over before this process was.
        Why::Ended => {}
        Why::Garbled(_) => broke(Failure::internal(format!("{executor}: {lost}")), Break::Garbled),
        _ => broke(Failure::external(format!("{executor} is lost from here: {lost}")), Break::Lost),
    };
    Connection::start(peer, settings.clone(), on_lost)
}

fn no_encoding(plan: &Plan, port: &Port, exchange: &Arc<dyn AnyExchange>) -> Failure {
    let reader = plan.chains[port.chain].nodes[0];
    let name = &plan.graph.nodes()[reader.0 as usize].name;
    Failure::user(format!(
        "records of type `{}` go to operator `{name}` in another process, but the program does not say how they are \
         written down",
        exchange.record_type()
    ))
    .advice(format!("put .rebalance() in front of `{name}`: it asks for serde's Serialize and Deserialize"))
}

/// The number of the first channel into each subtask, counted over the whole job.
fn first_channels(plan: &Plan) -> Vec<Vec<u32>> {
    let mut next = 0;
    let mut number = |channels: &usize| {
        let first = next;
        next += u32::try_from(*channels).unwrap_or(u32::MAX);
        first
    };
    plan.inputs.iter().map(|chain| chain.iter().map(&mut number).collect()).collect()
}

/// The connections of an attempt.
struct Peers {
    plan: Arc<Plan>,
    places: Vec<Vec<ExecutorId>>,
    first: Vec<Vec<u32>>,
    connections: Mutex<HashMap<ExecutorId, Connection>>,
}

impl Peers {
    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutorId, Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self, port: Port) -> u32 {
        self.first[port.chain][port.subtask as usize] + u32::try_from(port.channel).unwrap_or(u32::MAX)
    }

    fn with<R>(&self, executor: ExecutorId, run: impl FnOnce(&Connection) -> Result<R>) -> Result<R> {
        match self.lock().get(&executor) {
            Some(connection) => run(connection),
            None => Err(Failure::cancelled()),
        }
    }
}

impl Beyond for Peers {
    fn sender(
        &self,
        port: Port,
        exchange: &Arc<dyn AnyExchange>,
        meter: &Arc<Meter>,
    ) -> Result<Box<dyn ChannelSender>> {
        let to = self.places[port.chain][port.subtask as usize];
        let encoder = exchange.encoder().ok_or_else(|| no_encoding(&self.plan, &port, exchange))?;
        let sender = |connection: &Connection| connection.sender(self.number(port), encoder, meter.clone());
        self.with(to, |connection| Ok(Box::new(sender(connection)) as Box<_>))
    }

    fn cancel(&self) {
        let connections = std::mem::take(&mut *self.lock());
        connections.into_values().for_each(|mut connection| connection.close());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Role;
    use crate::log::Log;

    #[test]
    fn an_executor_listens_where_its_worker_said_beyond_this_machine_too() {
        for listen in [[127, 0, 0, 1], [0, 0, 0, 0]] {
            let master = ([127, 0, 0, 1], 1).into();
            let role = Role::Executor { executor: ExecutorId(1), slots: 1, master };
            let (job, token) = ("job-1".into(), "the secret of a job".into());
            let charge = Charge {
                job,
                term: 1,
                token,
                tls: None,
                listen: listen.into(),
                log: Log::default(),
                local: None,
                role,
            };
            let exchange = Exchange::open(ExecutorId(1), &charge).unwrap();
            assert_eq!(exchange.address().ip(), charge.listen);
        }
    }
}
