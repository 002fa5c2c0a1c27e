//! The port that listens, and its clients.
//!
//! Holds: whatever comes over a connection, no other is disturbed; when a server is dropped, its port is free and its
//! connections are cut.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::client::{self, Client};
use super::intake::Intake;
use crate::tcp::framing::{MakeCut, Plan};
use crate::tls::ServerTls;

/// How soon a new connection, or the end, is noticed.
const LOOK: Duration = Duration::from_millis(10);

/// What holds for clients.
pub(super) struct Limits<T> {
    pub(super) plan: Plan,
    pub(super) cutter: MakeCut<T>,
    pub(super) tls: ServerTls,
    pub(super) connections: usize,
    pub(super) frame_timeout: Duration,
    pub(super) idle_timeout: Duration,
}

impl<T> Clone for Limits<T> {
    fn clone(&self) -> Self {
        Self { plan: self.plan.clone(), tls: self.tls.clone(), ..*self }
    }
}

/// A port that listens.
pub(super) struct Server<T: Send + 'static> {
    shared: Arc<Shared<T>>,
    pub(super) address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

struct Shared<T> {
    limits: Limits<T>,
    intake: Arc<Intake<T>>,
    open: Mutex<BTreeMap<u64, Open>>,
}

/// A connection as the others know it.
struct Open {
    socket: TcpStream,
    /// Whether records have come over it.
    served: Arc<AtomicBool>,
}

impl<T: Send + 'static> Server<T> {
    /// Listens at an address; what is sent there goes into the intake.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub(super) fn open(address: &str, limits: Limits<T>, intake: Arc<Intake<T>>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?;
        let shared = Arc::new(Shared { limits, intake, open: Mutex::default() });
        let own = shared.clone();
        let accepting = std::thread::Builder::new()
            .name(format!("tcp {local}"))
            .spawn(move || own.accept(&listener, local))?;
        Ok(Self { shared, address: local, accepting: Some(accepting) })
    }
}

impl<T: Send + 'static> Drop for Server<T> {
    fn drop(&mut self) {
        self.shared.intake.stop();
        for connection in self.shared.open().values() {
            // One that is cut already is as good.
            let _ = connection.socket.shutdown(Shutdown::Both);
        }
        if let Some(accepting) = self.accepting.take() {
            // It ends with its port free; a panic of its has been printed.
            let _ = accepting.join();
        }
    }
}

impl<T: Send + 'static> Shared<T> {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener, address: SocketAddr) {
        let mut number = 0;
        while !self.intake.is_stopped() {
            match listener.accept() {
                Ok((socket, peer)) => {
                    number += 1;
                    if let Err(error) = self.begin(number, socket, peer) {
                        tracing::warn!(%address, %peer, %error, "a client could not be served");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(LOOK),
                Err(error) => {
                    // Too many open files, for one: those that are open go on, and some of them will end.
                    tracing::warn!(%address, %error, "no client can be accepted now");
                    std::thread::sleep(LOOK);
                }
            }
        }
    }

    fn begin(self: &Arc<Self>, number: u64, socket: TcpStream, peer: SocketAddr) -> io::Result<()> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(client::LOOK))?;
        socket.set_write_timeout(Some(client::LOOK))?;
        let served = Arc::new(AtomicBool::new(false));
        if !self.admit(number, &socket, peer, &served)? {
            return Ok(());
        }
        let own = self.clone();
        let work = move || {
            own.serve(socket, peer, &served);
            own.open().remove(&number);
        };
        let spawned = std::thread::Builder::new().name(format!("tcp {peer}")).spawn(work);
        if spawned.is_err() {
            self.open().remove(&number);
        }
        spawned.map(drop)
    }

    /// Notes a connection, if there is room for it.
    fn admit(
        &self,
        number: u64,
        socket: &TcpStream,
        peer: SocketAddr,
        served: &Arc<AtomicBool>,
    ) -> io::Result<bool> {
        let mut open = self.open();
        let limit = self.limits.connections;
        if open.len() >= limit {
            let silent = open.iter().find(|(_, one)| !one.served.load(Ordering::Relaxed));
            let Some(oldest) = silent.map(|(number, _)| *number) else {
                tracing::warn!(%peer, limit, "a client too many was refused; see the setting `connections`");
                return Ok(false);
            };
            if let Some(oldest) = open.remove(&oldest) {
                tracing::warn!(%peer, limit, "a silent client's connection was closed for another one");
                let _ = oldest.socket.shutdown(Shutdown::Both);
            }
        }
        open.insert(number, Open { socket: socket.try_clone()?, served: served.clone() });
        Ok(true)
    }

    fn serve(&self, socket: TcpStream, peer: SocketAddr, served: &AtomicBool) {
        let limits = &self.limits;
        let name: Arc<str> = format!("client {peer}").into();
        let stream = limits.tls.over(socket);
        let cutter = (limits.cutter)(&limits.plan, name.clone(), 0);
        let (stream, cutter) = match (stream, cutter) {
            (Ok(stream), Ok(cutter)) => (stream, cutter),
            (Err(error), _) => return tracing::warn!(%peer, %error, "a client could not be served"),
            (_, Err(failure)) => return tracing::warn!(%peer, %failure, "a client could not be served"),
        };
        let (frame_timeout, idle_timeout) = (limits.frame_timeout, limits.idle_timeout);
        let mut client =
            Client { intake: &self.intake, stream, cutter, peer: name, frame_timeout, idle_timeout, served };
        match client.serve() {
            Ok(()) => tracing::debug!(%peer, "a client has ended"),
            Err(_) if self.intake.is_stopped() => {}
            Err(reason) => tracing::warn!(%peer, %reason, "a client's connection was closed"),
        }
        let _ = client.stream.socket().shutdown(Shutdown::Both);
    }
}
