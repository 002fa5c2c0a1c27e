//! The two ends of a channel between processes, as the subtasks at either side see them.
//!
//! Answers for turning elements into frames and back, and for keeping to a channel's bound on both sides. Not for the
//! connection that all channels share (`connection`).
//! Holds: elements of a channel arrive in the order in which they were sent; a sender that waits is woken when there is
//! room, when the receiver has gone and when the connection is lost; what arrives always has room, or the connection is
//! given up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::channel::{Inbox, Meter, Wait};
use millstream_dataflow::exchange::{BatchDecoder, BatchEncoder, ChannelSender, Element};
use millstream_dataflow::operator::Barrier;
use millstream_model::error::{Failure, Result};
use millstream_model::id::{CheckpointId, CheckpointKind};
use millstream_model::time::Timestamp;

use super::connection::Shared;
use super::credit::{Allowance, Ledger, Passed};
use super::frame::{HEADER, Kind};

/// A batch that is longer than this, encoded, becomes several frames.
const PIECE: usize = 256 << 10;

fn whole<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    // No user code runs under these locks, so what they guard is whole even if a thread died.
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct State {
    allowance: Allowance,
    /// The receiver takes nothing more.
    gone: bool,
}

/// What the receiver of one channel lets its sender send.
#[derive(Default)]
pub(super) struct Window {
    state: Mutex<State>,
    changed: Condvar,
}

impl Window {
    pub(super) fn open(&self, capacity: u64) {
        whole(&self.state).allowance.open(capacity);
        self.changed.notify_all();
    }

    /// False if the receiver cannot have taken that much.
    pub(super) fn taken(&self, taken: Passed) -> bool {
        let possible = whole(&self.state).allowance.taken(taken);
        self.changed.notify_all();
        possible
    }

    pub(super) fn gone(&self) {
        whole(&self.state).gone = true;
        self.changed.notify_all();
    }

    /// Wakes the sender, which looks whether the connection is still there.
    pub(super) fn wake(&self) {
        let _guard = whole(&self.state);
        self.changed.notify_all();
    }
}

/// The sending end of a channel to another process.
pub struct RemoteSender {
    channel: u32,
    connection: Arc<Shared>,
    window: Arc<Window>,
    encoder: Box<dyn BatchEncoder>,
    meter: Arc<Meter>,
    /// Room for a header, and what is encoded behind it.
    frame: Vec<u8>,
}

impl RemoteSender {
    pub(super) fn new(
        channel: u32,
        connection: Arc<Shared>,
        window: Arc<Window>,
        encoder: Box<dyn BatchEncoder>,
        meter: Arc<Meter>,
    ) -> Self {
        Self { channel, connection, window, encoder, meter, frame: Vec::new() }
    }

    /// Waits until an element of so many records may be sent.
    fn wait_for_room(&self, records: u64) -> Result<()> {
        let (mut asked, mut waiting) = (false, None);
        let mut state = whole(&self.window.state);
        loop {
            if let Some(failure) = self.connection.failure() {
                return Err(failure);
            }
            if state.gone {
                return Err(Failure::cancelled());
            }
            if state.allowance.take(records) {
                return Ok(());
            }
            if !asked && state.allowance.has_to_ask(records) {
                asked = true;
                drop(state);
                self.connection.send(Kind::Want, self.channel, &[])?;
                state = whole(&self.window.state);
                continue;
            }
            waiting.get_or_insert_with(|| self.meter.wait(Wait::Room));
            state = self.window.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn send_control(&self, kind: Kind, payload: &[u8]) -> Result<()> {
        self.wait_for_room(0)?;
        self.connection.send(kind, self.channel, payload)
    }
}

impl ChannelSender for RemoteSender {
    fn send(&mut self, element: Element) -> Result<()> {
        match element {
            Element::Batch(batch) => {
                let mut sent = 0;
                while sent < batch.len() {
                    self.frame.clear();
                    self.frame.resize(HEADER, 0);
                    let count = self.encoder.encode(&batch, sent, PIECE, &mut self.frame)?;
                    let (length, limit) = (self.frame.len() - HEADER, self.connection.max_frame());
                    if count == 0 || length > limit {
                        return Err(too_long(count, length, limit));
                    }
                    self.wait_for_room(count as u64)?;
                    self.connection.send_sealed(Kind::Batch, self.channel, &mut self.frame)?;
                    // As it went: compressed, perhaps.
                    self.meter.sent(self.frame.len() - HEADER);
                    sent += count;
                }
                if self.frame.capacity() > 4 * PIECE {
                    self.frame = Vec::new();
                }
                Ok(())
            }
            Element::Watermark(time) => self.send_control(Kind::Watermark, &time.millis().to_le_bytes()),
            Element::Idle => self.send_control(Kind::Idle, &[]),
            Element::Barrier(barrier) => {
                let mut payload = [0; 9];
                payload[..8].copy_from_slice(&barrier.checkpoint.0.to_le_bytes());
                payload[8] = u8::from(barrier.kind == CheckpointKind::Savepoint);
                self.send_control(Kind::Barrier, &payload)
            }
            Element::End => self.send_control(Kind::End, &[]),
        }
    }
}

#[cold]
fn too_long(count: usize, length: usize, limit: usize) -> Failure {
    if count == 0 {
        return Failure::internal("an encoder wrote no record of a batch that has some");
    }
    Failure::user(format!(
        "{count} records for another process take {length} bytes, where a frame may have {limit}"
    ))
    .advice("allow longer frames, or send such data by a reference to where it is stored")
}

/// The receiving end of a channel from another process: what is needed to put its elements into an inbox.
pub struct Incoming {
    /// Reads the batches.
    pub decoder: Box<dyn BatchDecoder>,
    /// The inbox of the subtask that receives.
    pub inbox: Arc<Inbox>,
    /// The number of the channel there.
    pub channel: usize,
    /// That of the subtask that receives.
    pub meter: Arc<Meter>,
}

struct Decoding {
    decoder: Box<dyn BatchDecoder>,
    /// The subtask takes nothing more.
    gone: bool,
}

/// The receiving end, registered.
pub(super) struct RemoteReceiver {
    decoding: Mutex<Decoding>,
    inbox: Arc<Inbox>,
    into: usize,
    ledger: Arc<Mutex<Ledger>>,
    meter: Arc<Meter>,
}

/// What came of an element.
pub(super) enum Taken {
    /// It is in the inbox.
    In,
    /// Nobody takes it. True if this is news.
    Gone(bool),
}

impl RemoteReceiver {
    /// Has the sender told what the subtask takes, from now on.
    pub(super) fn new(channel: u32, incoming: Incoming, connection: &Arc<Shared>) -> Self {
        let Incoming { decoder, inbox, channel: into, meter } = incoming;
        let ledger = Arc::new(Mutex::new(Ledger::new(inbox.capacity() as u64)));
        let (own, weak) = (ledger.clone(), Arc::downgrade(connection));
        inbox.on_taken(
            into,
            Box::new(move |records| {
                let news = whole(&own).take(records as u64);
                if let (Some(taken), Some(connection)) = (news, weak.upgrade()) {
                    // A connection that is lost tells by other ways.
                    let _ = connection.send(Kind::Credit, channel, &credit(taken));
                }
            }),
        );
        Self { decoding: Mutex::new(Decoding { decoder, gone: false }), inbox, into, ledger, meter }
    }

    /// The sender waits with a large batch: what it is to be told, if it is time.
    pub(super) fn want(&self) -> Option<[u8; 16]> {
        whole(&self.ledger).want().map(credit)
    }

    /// Takes a frame, whose payload took `length` bytes on the way.
    ///
    /// # Errors
    /// If the frame should not have been sent or cannot be read.
    pub(super) fn take(&self, kind: Kind, payload: &[u8], length: usize) -> Result<Taken> {
        let mut decoding = whole(&self.decoding);
        if decoding.gone {
            return Ok(Taken::Gone(false));
        }
        let element = element(kind, payload, &mut *decoding.decoder)?;
        let records = if let Element::Batch(batch) = &element { batch.len() as u64 } else { 0 };
        if records > 0 {
            self.meter.received(length);
        }
        let is_allowed = whole(&self.ledger).arrive(records);
        match self.inbox.offer(self.into, element) {
            Ok(true) if is_allowed => Ok(Taken::In),
            Ok(_) => Err(Failure::internal("the other process sent more than it has credit for")),
            Err(failure) if failure.is_cancelled() => {
                decoding.gone = true;
                Ok(Taken::Gone(true))
            }
            Err(failure) => Err(failure),
        }
    }
}

fn credit(taken: Passed) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&taken.elements.to_le_bytes());
    bytes[8..].copy_from_slice(&taken.records.to_le_bytes());
    bytes
}

/// The number in the eight bytes of a payload from `at` on.
pub(super) fn number(payload: &[u8], at: usize) -> Result<u64> {
    let bytes = payload.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u64::from_le_bytes).ok_or_else(|| Failure::external("a frame is too short for its kind"))
}

fn element(kind: Kind, payload: &[u8], decoder: &mut dyn BatchDecoder) -> Result<Element> {
    match kind {
        Kind::Watermark => Ok(Element::Watermark(Timestamp::from_millis(number(payload, 0)?.cast_signed()))),
        Kind::Barrier => {
            let kind = match payload.get(8) {
                Some(0) => CheckpointKind::Checkpoint,
                Some(1) => CheckpointKind::Savepoint,
                _ => return Err(Failure::external("a barrier of an unknown kind")),
            };
            Ok(Element::Barrier(Barrier { checkpoint: CheckpointId(number(payload, 0)?), kind }))
        }
        Kind::Idle => Ok(Element::Idle),
        Kind::End => Ok(Element::End),
        // Reading a record is user code, which may panic.
        _ => catch_unwind(AssertUnwindSafe(|| decoder.decode(payload)))
            .unwrap_or_else(|_| Err(Failure::user("reading a record from another process panicked")))
            .map(Element::Batch),
    }
}
