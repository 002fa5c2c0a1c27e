//! Flume as a source: agents that push to this job, and agents that it pulls from.
//!
//! Holds: at least once. An agent is told that a batch is taken once that is in the log or in a completed checkpoint; what
//! it is told too late, or not at all, it sends again.

mod enumerator;
mod plan;
mod reader;
pub mod split;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millstream_dataflow::source::{Boundedness, Promise, Source, SourceReader, SplitEnumerator};
use millstream_model::error::{BoxError, Failure, Result};
use millstream_model::id::Subtask;
use millstream_model::record::Record;
use millstream_model::text::Text;

use self::plan::Plan;
use self::split::FlumeSplit;
use super::event::FlumeEvent;
use super::settings::{self, Acknowledge, Chosen, LISTEN_SETTINGS, PULL_SETTINGS};
use super::{listen, pull};

/// Events of Flume's agents; made by [`Flume::listen`](crate::flume::Flume::listen) and
/// [`Flume::pull`](crate::flume::Flume::pull).
///
/// ```
/// use millstream_connectors::flume::Flume;
///
/// let lines = Flume::listen(["0.0.0.0:4141"])
///     .set("log", "/var/lib/job/flume")
///     .set("compression", "deflate")
///     .text();
/// ```
///
/// Each address is read by one subtask; more subtasks than addresses are idle.
#[derive(Clone, Debug)]
pub struct FlumeSource<D = Events> {
    is_pull: bool,
    addresses: Vec<String>,
    settings: Chosen,
    bound: Bound,
    decode: D,
}

impl FlumeSource {
    pub(super) fn new(is_pull: bool, addresses: Vec<String>) -> Self {
        let settings = Chosen::new(if is_pull { &PULL_SETTINGS } else { &LISTEN_SETTINGS });
        Self { is_pull, addresses, settings, bound: Bound::default(), decode: Events }
    }
}

impl<D> FlumeSource<D> {
    /// Gives a setting its value: see [`LISTEN_SETTINGS`] and [`PULL_SETTINGS`]. One that is unknown or malformed is refused
    /// when the job starts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.set(name, value);
        self
    }

    /// Where the job listens, once it does: with the port that the system chose, where the program asked for port 0.
    pub fn bound(&self) -> Bound {
        self.bound.clone()
    }

    /// Gives only bodies, as text; what is no UTF-8 fails the job.
    #[must_use]
    pub fn text(self) -> FlumeSource<Texts> {
        self.decode_by(Texts)
    }

    /// Gives what a function makes of each event; its error fails the job.
    #[must_use]
    pub fn decode_with<T, F>(self, decode: F) -> FlumeSource<FromFn<F>>
    where
        T: Record,
        F: Fn(FlumeEvent) -> Result<T, BoxError> + Clone + Send + Sync + 'static,
    {
        self.decode_by(FromFn(decode))
    }

    fn decode_by<E>(self, decode: E) -> FlumeSource<E> {
        let Self { is_pull, addresses, settings, bound, .. } = self;
        FlumeSource { is_pull, addresses, settings, bound, decode }
    }

    fn plan(&self) -> Result<Plan> {
        let plan = Plan::new(self.is_pull, &self.settings)?;
        if self.addresses.is_empty() {
            return Err(Failure::user("a Flume source has no address").advice("give one at least: host:port"));
        }
        for (at, address) in self.addresses.iter().enumerate() {
            if self.is_pull {
                pull::check_address(address)?;
            } else {
                listen::local(address)?;
            }
            if self.addresses[..at].contains(address) {
                return Err(Failure::user(format!("a Flume source has the address {address} twice")));
            }
        }
        Ok(plan)
    }
}

/// How a record is made of an event.
pub trait Decode: Clone + Send + Sync + 'static {
    /// What it makes.
    type Record: Record;
    /// Makes it.
    ///
    /// # Errors
    /// If the event is none of its kind.
    fn decode(&self, event: FlumeEvent) -> Result<Self::Record, BoxError>;
}

/// Events as they are.
#[derive(Clone, Copy, Debug)]
pub struct Events;

impl Decode for Events {
    type Record = FlumeEvent;

    fn decode(&self, event: FlumeEvent) -> Result<FlumeEvent, BoxError> {
        Ok(event)
    }
}

/// Bodies as text.
#[derive(Clone, Copy, Debug)]
pub struct Texts;

impl Decode for Texts {
    type Record = Text;

    fn decode(&self, event: FlumeEvent) -> Result<Text, BoxError> {
        Ok(Text::from_utf8(&event.body)?)
    }
}

/// What a function makes of events.
#[derive(Clone, Copy, Debug)]
pub struct FromFn<F>(F);

impl<T, F> Decode for FromFn<F>
where
    T: Record,
    F: Fn(FlumeEvent) -> Result<T, BoxError> + Clone + Send + Sync + 'static,
{
    type Record = T;

    fn decode(&self, event: FlumeEvent) -> Result<T, BoxError> {
        (self.0)(event)
    }
}

/// Where a source listens.
#[derive(Clone, Debug, Default)]
pub struct Bound(Arc<Mutex<BTreeMap<String, SocketAddr>>>);

impl Bound {
    /// The socket of each address that the program gave, of those that listen.
    pub fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, address: &str, socket: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(address.to_owned(), socket);
    }
}

impl<D: Decode> Source for FlumeSource<D> {
    type Record = D::Record;
    type Split = FlumeSplit;

    fn name(&self) -> String {
        "FlumeSource".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn promise(&self) -> Promise {
        match self.settings.get(&settings::ACKNOWLEDGE) {
            Ok(Acknowledge::Received) => Promise::AtMostOnce,
            _ => Promise::AtLeastOnce,
        }
    }

    fn check_checkpoints(&self, interval: Option<Duration>) -> Result<()> {
        self.plan()?.check_checkpoints(interval)
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<FlumeSplit>>> {
        let plan = self.plan()?;
        let addresses = enumerator::Addresses::new(self.addresses.clone(), plan.log.is_some(), restored)?;
        Ok(Box::new(addresses))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<D::Record, FlumeSplit>>> {
        let plan = Arc::new(self.plan()?);
        Ok(Box::new(reader::EventReader::new(plan, self.bound.clone(), self.decode.clone())))
    }
}
