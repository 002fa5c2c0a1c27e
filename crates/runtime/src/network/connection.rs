//! The connection between two processes of a job: all channels between them, in both directions.
//!
//! Answers for frames in order over one socket, for signs of life, and for saying at once that the other process is lost.
//! Not for what flows in a channel (`remote`) nor for who may connect (`handshake`).
//! Holds: the thread that reads never waits for a channel, nor for anything to be written, so a channel that is blocked
//! stops no other; after a loss every sender has its error and the one who asked is told, once.

mod reader;

use std::collections::HashMap;
use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use millstream_dataflow::exchange::BatchEncoder;
use millstream_model::error::{Failure, Result};
use millstream_network::socket::{self, Outgoing};
use thiserror::Error;

use super::frame::{self, HEADER, Kind};
use super::remote::{Incoming, RemoteReceiver, RemoteSender, Window};
use super::{NetworkSettings, Peer};
use crate::channel::Meter;

/// How a process was lost.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Why {
    /// The connection was closed, without a word: the process has most likely ended.
    #[error("closed the connection")]
    Closed,
    /// The other side ended the connection on purpose.
    #[error("ended the connection")]
    Ended,
    /// No sign of life for longer than the settings allow.
    #[error("gave no sign of life for {0:?}")]
    Silent(std::time::Duration),
    /// The network says that it is broken.
    #[error("cannot be reached any more: {0}")]
    Broken(String),
    /// It sent what makes no sense.
    #[error("sent what cannot be understood: {0}")]
    Garbled(String),
}

/// A process that is lost.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("process {process} at {address} {why}")]
pub struct Lost {
    /// Its number among the processes of the attempt.
    pub process: u32,
    /// Where it was.
    pub address: SocketAddr,
    /// How.
    pub why: Why,
}

/// The sending half, under one lock: whoever has a frame writes it himself.
struct Out {
    socket: Outgoing,
    writer: frame::Writer,
    buffer: Vec<u8>,
}

/// A frame that the reading thread wants to be sent.
type Later = (Kind, u32, Vec<u8>);

/// What the threads at both sides of a connection's ends share.
pub(super) struct Shared {
    process: u32,
    address: SocketAddr,
    settings: NetworkSettings,
    /// To end it, whoever reads and writes.
    stream: TcpStream,
    out: Mutex<Out>,
    later: Mutex<Vec<Later>>,
    windows: Mutex<HashMap<u32, Arc<Window>>>,
    receivers: Mutex<HashMap<u32, Arc<RemoteReceiver>>>,
    lost: OnceLock<Lost>,
    /// It is being ended from this side.
    closing: AtomicBool,
}

fn whole<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Why nothing can be sent any more.
    pub(super) fn failure(&self) -> Option<Failure> {
        if self.closing.load(Ordering::Acquire) {
            return Some(Failure::cancelled());
        }
        // Who is lost, and how, is told once, to the one who asked.
        self.lost.get().map(|_| Failure::cancelled())
    }

    pub(super) fn max_frame(&self) -> usize {
        self.settings.max_frame
    }

    fn window(&self, channel: u32) -> Arc<Window> {
        whole(&self.windows).entry(channel).or_default().clone()
    }

    fn receiver(&self, channel: u32) -> Option<Arc<RemoteReceiver>> {
        whole(&self.receivers).get(&channel).cloned()
    }

    /// Sends a frame, behind those that the reading thread has left.
    pub(super) fn send(&self, kind: Kind, channel: u32, payload: &[u8]) -> Result<()> {
        let mut frame = Vec::with_capacity(HEADER + payload.len());
        frame.resize(HEADER, 0);
        frame.extend_from_slice(payload);
        self.send_sealed(kind, channel, &mut frame)
    }

    /// As [`Shared::send`] for a payload with room for a header in front of it. Afterwards `frame` is what was sent.
    pub(super) fn send_sealed(&self, kind: Kind, channel: u32, frame: &mut Vec<u8>) -> Result<()> {
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        let mut out = whole(&self.out);
        let Out { socket, writer, buffer } = &mut *out;
        buffer.clear();
        for (kind, channel, payload) in whole(&self.later).drain(..) {
            writer.put(kind, channel, &payload, buffer);
        }
        writer.seal(kind, channel, 0, frame);
        let sent = if buffer.is_empty() { Ok(()) } else { socket.send(buffer) };
        let sent = sent.and_then(|()| socket.send(frame));
        drop(out);
        sent.map_err(|error| {
            self.lose(reader::broken(&error, self.settings.heartbeat_timeout));
            self.failure().unwrap_or_else(Failure::cancelled)
        })
    }

    /// Sends a frame without waiting, now or together with the next; for the thread that reads.
    fn send_later(&self, kind: Kind, channel: u32, payload: &[u8]) -> std::io::Result<()> {
        whole(&self.later).push((kind, channel, payload.to_vec()));
        self.send_waiting()
    }

    /// Sends, without waiting, what waits to be sent, unless somebody is sending just now.
    fn send_waiting(&self) -> std::io::Result<()> {
        let Ok(mut out) = self.out.try_lock() else { return Ok(()) };
        let Out { socket, writer, buffer } = &mut *out;
        if whole(&self.later).is_empty() && !socket.has_waiting() {
            return Ok(());
        }
        buffer.clear();
        for (kind, channel, payload) in whole(&self.later).drain(..) {
            writer.put(kind, channel, &payload, buffer);
        }
        socket.send_now(buffer)
    }

    /// Ends the connection: the first reason given counts.
    fn lose(&self, why: Why) {
        let Self { process, address, .. } = *self;
        // Where there was a reason already, that one stays.
        let _ = self.lost.set(Lost { process, address, why });
        socket::end(&self.stream);
        let windows: Vec<_> = whole(&self.windows).values().cloned().collect();
        windows.iter().for_each(|window| window.wake());
    }
}

/// A connection to another process of the job.
pub struct Connection {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { process, address, .. } = &*self.shared;
        write!(f, "Connection(process {process} at {address})")
    }
}

impl Connection {
    /// Begins to talk to a process that has come through the handshake. `on_lost` is called at most once, by a thread of
    /// the connection, when the other process is lost; not when the connection is closed from this side.
    ///
    /// # Errors
    /// If the connection is broken already.
    pub fn start(
        peer: Peer,
        settings: NetworkSettings,
        on_lost: impl FnOnce(Lost) + Send + 'static,
    ) -> Result<Self> {
        settings.check()?;
        let Peer { process, address, socket } = peer;
        let unusable = |error: std::io::Error| {
            Failure::external(format!("the connection to process {process} at {address} broke"))
                .because(error)
        };
        // Somebody who waits for the network to take bytes learns by the same time as one who waits for them to come.
        socket::set_times(socket.stream(), settings.heartbeat_interval, settings.heartbeat_timeout)
            .map_err(unusable)?;
        let stream = socket.stream().try_clone().map_err(unusable)?;
        let (incoming, outgoing) = socket.split().map_err(unusable)?;
        let writer = frame::Writer::new(settings.compression);
        let shared = Arc::new(Shared {
            process,
            address,
            settings,
            stream,
            out: Mutex::new(Out { socket: outgoing, writer, buffer: Vec::new() }),
            later: Mutex::default(),
            windows: Mutex::default(),
            receivers: Mutex::default(),
            lost: OnceLock::new(),
            closing: AtomicBool::new(false),
        });
        let own = shared.clone();
        let run = move || {
            let why = reader::run(&own, incoming);
            own.lose(why);
            if let (Some(lost), false) = (own.lost.get(), own.closing.load(Ordering::Acquire)) {
                on_lost(lost.clone());
            }
        };
        let reader = std::thread::Builder::new().name(format!("from process {process}")).spawn(run);
        Ok(Self { shared, reader: Some(reader.map_err(unusable)?) })
    }

    /// The number of the process at the other side.
    pub fn process(&self) -> u32 {
        self.shared.process
    }

    /// How the other process was lost, if it was.
    pub fn lost(&self) -> Option<&Lost> {
        self.shared.lost.get()
    }

    /// The sending end of a channel, whose number both processes know. It sends once the other side has opened it.
    /// What it sends and how long it waits is told to `meter`.
    pub fn sender(&self, channel: u32, encoder: Box<dyn BatchEncoder>, meter: Arc<Meter>) -> RemoteSender {
        RemoteSender::new(channel, self.shared.clone(), self.shared.window(channel), encoder, meter)
    }

    /// Opens a channel from the other process, with the capacity of its inbox. Once for each channel.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn receive(&self, channel: u32, incoming: Incoming) -> Result<()> {
        let capacity = incoming.inbox.capacity() as u64;
        let receiver = RemoteReceiver::new(channel, incoming, &self.shared);
        whole(&self.shared.receivers).insert(channel, Arc::new(receiver));
        self.shared.send(Kind::Open, channel, &capacity.to_le_bytes())
    }

    /// Ends the connection from this side: who waits to send is woken, the other process is told.
    pub fn close(&mut self) {
        if self.shared.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        // The other side also understands a connection that just ends.
        let _ = self.shared.send_later(Kind::Bye, 0, &[]);
        self.shared.lose(Why::Ended);
        let on_own_thread = |thread: &JoinHandle<()>| thread.thread().id() == std::thread::current().id();
        if let Some(reader) = self.reader.take().filter(|thread| !on_own_thread(thread)) {
            // A thread that panicked was in the callback, whose owner it is that ends here.
            let _ = reader.join();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}
