//! Records that clients send: a source that listens.
//!
//! Holds: at most once. Nothing tells a client what was taken, and it does not send again: what was received and is not yet
//! processed is lost with the process.

mod client;
mod intake;
mod server;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use millstream_dataflow::batch::{Batch, Origin};
use millstream_dataflow::source::{
    Boundedness, Polled, Promise, Source, SourceOutput, SourceReader, SplitEnumerator,
};
use millstream_formats::lines::{OnBadText, SkippedLines};
use millstream_model::error::{Failure, Result, Unit};
use millstream_model::id::Subtask;
use millstream_model::record::Record;
use millstream_model::settings::shown_duration;
use millstream_model::text::Text;

use self::intake::Intake;
use self::server::{Limits, Server};
use super::framing::{MakeCut, Plan, bytes_cutter, text_cutter};
use super::peer::{Peer, Peers};
use super::settings::{
    CONNECTIONS, FRAME_TIMEOUT, IDLE_TIMEOUT, LISTEN_BAD_TEXT, LISTEN_FRAME_MAX, LISTEN_SETTINGS, MEMORY,
    START_TIMEOUT,
};
use crate::chosen::Chosen;
use crate::tls::ServerTls;

/// How soon an address that another process has is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// Records that clients send to this job; one subtask takes them in.
///
/// At most once: TCP has no acknowledgement of records, so what was received and not yet processed when the job is killed is
/// lost, and its client does not know. A client that sends what is no record, too much of it or too slowly is closed and
/// logged; the others and the job go on.
///
/// ```
/// use millstream_connectors::tcp::TcpServer;
///
/// let lines = TcpServer::listen("9000");
/// let messages = TcpServer::listen("0.0.0.0:9443")
///     .bytes()
///     .set("framing", "length-u32-be")
///     .set("connections", "500")
///     .set("tls", "on")
///     .set("tls-certificate", "server.pem")
///     .set("tls-key", "server.key");
/// ```
pub struct TcpServer<T = Text> {
    address: String,
    settings: Chosen,
    bound: Bound,
    skipped: SkippedLines,
    cutter: MakeCut<T>,
}

impl<T> Clone for TcpServer<T> {
    fn clone(&self) -> Self {
        Self {
            address: self.address.clone(),
            settings: self.settings.clone(),
            bound: self.bound.clone(),
            skipped: self.skipped.clone(),
            cutter: self.cutter,
        }
    }
}

impl<T> std::fmt::Debug for TcpServer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl TcpServer {
    /// Lines that clients send. A port alone (`9000`) is open to this machine only; a host, such as `0.0.0.0:9000`, opens it
    /// to others, whom nothing asks who they are, unless the settings of TLS do.
    pub fn listen(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            settings: Chosen::new(&LISTEN_SETTINGS),
            bound: Bound::default(),
            skipped: SkippedLines::default(),
            cutter: text_cutter,
        }
    }

    /// Gives records as the bytes that they are.
    #[must_use]
    pub fn bytes(self) -> TcpServer<Vec<u8>> {
        let Self { address, settings, bound, skipped, .. } = self;
        TcpServer { address, settings, bound, skipped, cutter: bytes_cutter }
    }

    /// The count of texts left out for the setting `bad-text`.
    pub fn skipped(&self) -> SkippedLines {
        self.skipped.clone()
    }
}

impl<T> TcpServer<T> {
    /// Gives a setting its value: see [`LISTEN_SETTINGS`]. One that is unknown or malformed is refused when the job starts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.set(name, value);
        self
    }

    /// Where the job listens, once it does.
    pub fn bound(&self) -> Bound {
        self.bound.clone()
    }

    fn limits(&self) -> Result<Limits<T>> {
        let settings = &self.settings;
        settings.check()?;
        local(&self.address)?;
        let bad_text = OnBadText::from(settings.get(&LISTEN_BAD_TEXT)?);
        let limits = Limits {
            plan: Plan::of(settings, &LISTEN_FRAME_MAX)?.texts(bad_text, &self.skipped),
            cutter: self.cutter,
            tls: ServerTls::of(settings)?,
            connections: settings.get(&CONNECTIONS)?,
            frame_timeout: settings.get(&FRAME_TIMEOUT)?,
            idle_timeout: settings.get(&IDLE_TIMEOUT)?,
        };
        (limits.cutter)(&limits.plan, "none".into(), 0)?;
        Ok(limits)
    }
}

/// Where a source listens: with the port that the system chose, where the program asked for port 0.
#[derive(Clone, Debug, Default)]
pub struct Bound(Arc<Mutex<Option<SocketAddr>>>);

impl Bound {
    /// The socket's address, once the job listens.
    pub fn address(&self) -> Option<SocketAddr> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, address: SocketAddr) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }
}

/// The address that a text names: a port alone is one of this machine's own.
fn local(address: &str) -> Result<String> {
    if address.parse::<u16>().is_ok() {
        return Ok(format!("127.0.0.1:{address}"));
    }
    let parts = address.rsplit_once(':').map(|(host, port)| (!host.is_empty(), port.parse::<u16>()));
    match parts {
        Some((true, Ok(_))) => Ok(address.to_owned()),
        _ => Err(Failure::user(format!("`{address}` is no address to listen at")).advice(
            "give a port, which is then open to this machine alone (9000), or host and port (0.0.0.0:9000)",
        )),
    }
}

impl<T: Record> Source for TcpServer<T> {
    type Record = T;
    type Split = Peer;

    fn name(&self) -> String {
        "TcpServer".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn promise(&self) -> Promise {
        Promise::AtMostOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<Peer>>> {
        self.limits()?;
        Ok(Box::new(Peers::new(&self.address, restored)?))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<T, Peer>>> {
        Ok(Box::new(Reader {
            limits: self.limits()?,
            memory: usize::try_from(self.settings.get(&MEMORY)?.0).unwrap_or(usize::MAX),
            start_timeout: self.settings.get(&START_TIMEOUT)?,
            bound: self.bound.clone(),
            open: None,
            batch: Batch::default(),
        }))
    }
}

struct Reader<T: Send + 'static> {
    limits: Limits<T>,
    memory: usize,
    start_timeout: Duration,
    bound: Bound,
    open: Option<(Peer, State<T>)>,
    batch: Batch<T>,
}

enum State<T: Send + 'static> {
    /// The address is not had yet; since when it is tried.
    Opening(Instant),
    /// The server is held for its end.
    Running(Arc<Intake<T>>, #[expect(dead_code, reason = "held for its end")] Server<T>),
}

impl<T: Record> SourceReader<T, Peer> for Reader<T> {
    fn add_split(&mut self, peer: Peer) -> Result<()> {
        self.open = Some((peer, State::Opening(Instant::now())));
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, T>, patience: Duration) -> Result<Polled> {
        let Some((peer, state)) = &mut self.open else { return Ok(Polled::NeedSplit) };
        match state {
            State::Opening(since) => {
                let intake = Arc::new(Intake::new(self.memory));
                match Server::open(&local(&peer.address)?, self.limits.clone(), intake.clone()) {
                    Ok(server) => {
                        self.bound.note(server.address);
                        *state = State::Running(intake, server);
                    }
                    Err(error) => {
                        let is_late = since.elapsed() >= self.start_timeout;
                        if error.kind() != ErrorKind::AddrInUse {
                            return Err(Failure::external(format!("cannot listen at {}", peer.address))
                                .because(error)
                                .advice(
                                    "give an address of this machine and a port that this user may have",
                                ));
                        }
                        if is_late {
                            let waited = shown_duration(self.start_timeout);
                            return Err(Failure::external(format!("cannot listen at {}", peer.address))
                                .because(error)
                                .advice(format!(
                                    "tried for {waited}, see start-timeout; another process has the port"
                                )));
                        }
                        std::thread::sleep(AGAIN.min(patience));
                    }
                }
                Ok(Polled::Nothing)
            }
            State::Running(intake, _) => {
                let Some(run) = intake.take(patience) else { return Ok(Polled::Nothing) };
                let count = run.records.len();
                self.batch.extend(run.records);
                self.batch.set_origin(Some(Origin::new(run.peer, Unit::Record, run.first, count)));
                peer.lines += count as u64;
                output.emit(&mut self.batch)?;
                Ok(Polled::More)
            }
        }
    }

    fn snapshot(&mut self) -> Vec<Peer> {
        self.open.iter().map(|(peer, _)| peer.clone()).collect()
    }
}
