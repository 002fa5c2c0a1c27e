//! Agents push: the sockets that listen, and their connections.
//!
//! Answers for accepting, for how many connections there are, and for their end. Not for what is said over one
//! (`connection`, `dialogue`) nor for where events go (`intake`).
//! Holds: whatever comes over a connection, no other is disturbed; when a listener is dropped, its port is free and its
//! connections are cut.

mod connection;
mod dialogue;
mod incoming;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use millstream_model::error::{Failure, Result};

use self::connection::Connection;
use super::intake::Intake;
use super::settings::ListenProtocol;

/// How soon a new connection, or the end, is noticed.
const LOOK: Duration = Duration::from_millis(10);

/// What holds for connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListenLimits {
    pub(super) protocol: ListenProtocol,
    pub(super) deflate: bool,
    pub(super) connections: usize,
    pub(super) frame_max: usize,
    pub(super) request_timeout: Duration,
    pub(super) idle_timeout: Duration,
}

/// A port that listens.
pub(super) struct Listener {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    limits: ListenLimits,
    intake: Arc<Intake>,
    open: Mutex<BTreeMap<u64, Open>>,
}

/// A connection as the others know it.
struct Open {
    stream: Arc<TcpStream>,
    /// Whether events have come over it.
    served: Arc<AtomicBool>,
}

impl Listener {
    /// Listens at an address; what is sent there goes into the intake.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub(super) fn open(address: &str, limits: ListenLimits, intake: Arc<Intake>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?;
        let shared = Arc::new(Shared { limits, intake, open: Mutex::default() });
        let own = shared.clone();
        let accepting = std::thread::Builder::new()
            .name(format!("flume {local}"))
            .spawn(move || own.accept(&listener, local))?;
        Ok(Self { shared, address: local, accepting: Some(accepting) })
    }

    /// Where it listens, with the port that was given to it where it asked for any.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.intake.stop();
        for connection in self.shared.open().values() {
            // One that is cut already is as good.
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
        if let Some(accepting) = self.accepting.take() {
            // It ends with its port free; a panic of its has been printed.
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener, address: SocketAddr) {
        let mut number = 0;
        while !self.intake.is_stopped() {
            match listener.accept() {
                Ok((stream, peer)) => {
                    number += 1;
                    if let Err(error) = self.begin(number, stream, address, peer) {
                        tracing::warn!(%address, %peer, %error, "a Flume connection could not be served");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(LOOK),
                Err(error) => {
                    // Too many open files, for one: those that are open go on, and some of them will end.
                    tracing::warn!(%address, %error, "no Flume connection can be accepted now");
                    std::thread::sleep(LOOK);
                }
            }
        }
    }

    fn begin(
        self: &Arc<Self>,
        number: u64,
        stream: TcpStream,
        address: SocketAddr,
        peer: SocketAddr,
    ) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        let stream = Arc::new(stream);
        let served = Arc::new(AtomicBool::new(false));
        {
            let mut open = self.open();
            if open.len() >= self.limits.connections {
                let silent = open.iter().find(|(_, one)| !one.served.load(Ordering::Relaxed));
                let limit = self.limits.connections;
                let Some(oldest) = silent.map(|(number, _)| *number) else {
                    let text = "a Flume connection too many was closed; see the setting `connections`";
                    tracing::warn!(%address, %peer, limit, "{text}");
                    return Ok(());
                };
                if let Some(oldest) = open.remove(&oldest) {
                    tracing::warn!(%address, %peer, limit, "a silent Flume connection was closed for another one");
                    let _ = oldest.stream.shutdown(Shutdown::Both);
                }
            }
            open.insert(number, Open { stream: stream.clone(), served: served.clone() });
        }
        self.intake.counts.connections.fetch_add(1, Ordering::Relaxed);
        let own = self.clone();
        let work = move || {
            let mut connection = Connection::new(&own.limits, &own.intake, &stream, &served);
            match connection.serve() {
                Ok(()) => tracing::debug!(%peer, "a Flume connection has ended"),
                Err(_) if own.intake.is_stopped() => {}
                Err(reason) => tracing::warn!(%address, %peer, %reason, "a Flume connection was closed"),
            }
            let _ = stream.shutdown(Shutdown::Both);
            own.open().remove(&number);
            own.intake.counts.connections.fetch_sub(1, Ordering::Relaxed);
        };
        let spawned = std::thread::Builder::new().name(format!("flume {peer}")).spawn(work);
        if spawned.is_err() {
            self.open().remove(&number);
            self.intake.counts.connections.fetch_sub(1, Ordering::Relaxed);
        }
        spawned.map(drop)
    }
}

/// The address that a text names: a port alone is one of this machine's own.
///
/// # Errors
/// If it is none.
pub(super) fn local(address: &str) -> Result<String> {
    if address.parse::<u16>().is_ok() {
        return Ok(format!("127.0.0.1:{address}"));
    }
    let parts = address.rsplit_once(':').map(|(host, port)| (!host.is_empty(), port.parse::<u16>()));
    match parts {
        Some((true, Ok(_))) => Ok(address.to_owned()),
        _ => Err(Failure::user(format!("`{address}` is no address to listen at")).advice(
            "give a port, which is then open to this machine alone (4141), or host and port (0.0.0.0:4141)",
        )),
    }
}
