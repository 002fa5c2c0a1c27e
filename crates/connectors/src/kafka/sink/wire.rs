//! The few requests of Kafka's protocol that librdkafka has no call for: to look at a transaction, and to end one whose
//! process is gone.
//!
//! Answers for asking the coordinator of a transactional id, which may move. Not for records, nor for TLS and passwords
//! (`door`).
//! Holds: no request is trusted in its lengths; a connection that does not answer is given up.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use millstream_dataflow::operator::Cancelled;
use millstream_model::error::{Failure, Fault, Result};

use super::door::{Door, Stream};
use super::encoding::{Answer, Request};
use super::patience::Patience;

/// How long a connection may take to be made: a job that waits for one can still be cancelled within a second.
const CONNECT: Duration = Duration::from_millis(500);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long one wait for an answer is, between two looks at whether the job is cancelled.
const STEP: Duration = Duration::from_millis(50);
/// The longest answer that is taken.
const LONGEST: usize = 64 << 20;

/// Requests by their numbers in the protocol.
const METADATA: i16 = 3;
const FIND_COORDINATOR: i16 = 10;
const INIT_PRODUCER_ID: i16 = 22;
const END_TXN: i16 = 26;
const SASL_HANDSHAKE: i16 = 17;
const SASL_AUTHENTICATE: i16 = 36;
const DESCRIBE_TRANSACTIONS: i16 = 65;
const LIST_TRANSACTIONS: i16 = 66;

/// Errors by their numbers, as far as they are told apart.
pub(super) const NONE: i16 = 0;
pub(super) const INVALID_PRODUCER_EPOCH: i16 = 47;
pub(super) const INVALID_TXN_STATE: i16 = 48;
pub(super) const INVALID_PRODUCER_ID_MAPPING: i16 = 49;
pub(super) const INVALID_TRANSACTION_TIMEOUT: i16 = 50;
pub(super) const CLUSTER_REFUSED: i16 = 31;
pub(super) const TRANSACTIONAL_ID_REFUSED: i16 = 53;
pub(super) const PRODUCER_FENCED: i16 = 90;
pub(super) const TRANSACTIONAL_ID_NOT_FOUND: i16 = 105;

/// Whether the same request may succeed soon: a coordinator that moves or loads, a transaction that is being ended.
pub(super) fn is_passing(error: i16) -> bool {
    // Timed out, leader or coordinator not there, loading or elsewhere, concurrent transactions.
    matches!(error, 5 | 6 | 7 | 14 | 15 | 16 | 51)
}

/// Who writes a transaction: a producer's number, and how often its id was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProducerId {
    /// The number.
    pub id: i64,
    /// How often.
    pub epoch: i16,
}

/// What the coordinator knows of a transactional id.
pub(super) struct Described {
    pub(super) error: i16,
    pub(super) state: String,
    pub(super) producer: ProducerId,
}

/// A part of what lets a user in.
#[cfg_attr(not(feature = "kafka-tls"), expect(dead_code, reason = "connections are plain in this build"))]
pub(super) enum Shown<'a> {
    /// The name of the way to do so.
    Mechanism(&'a str),
    /// What it asks for.
    Token(&'a [u8]),
}

/// A broker.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Address {
    host: String,
    port: u16,
}

/// A connection to one broker.
pub(super) struct Connection {
    stream: Stream,
    shown: String,
    next: i32,
    cancelled: Cancelled,
}

impl Connection {
    /// A connection to the first of these servers (`host:port`, separated by commas) that takes one.
    pub(super) fn to_any(servers: &str, door: &Door, cancelled: &Cancelled) -> Result<Self> {
        let mut last = Failure::user("no Kafka broker is named");
        for server in servers.split(',').map(str::trim) {
            match Self::to(server, door, cancelled) {
                Ok(connection) => return Ok(connection),
                Err(failure) if failure.is_cancelled() || failure.fault() == Fault::User => {
                    return Err(failure);
                }
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    fn to(server: &str, door: &Door, cancelled: &Cancelled) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Failure::external(format!("no connection to Kafka broker {server}")).because(error)
        };
        let mut last = std::io::ErrorKind::NotFound.into();
        for address in server.to_socket_addrs().map_err(failed)? {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(STEP)).map_err(failed)?;
                    stream.set_write_timeout(Some(CONNECT)).map_err(failed)?;
                    stream.set_nodelay(true).map_err(failed)?;
                    let stream = door.through(stream, server, &Patience::new(cancelled, ANSWER))?;
                    let (shown, cancelled) = (server.to_owned(), cancelled.clone());
                    let mut own = Self { stream, shown, next: 0, cancelled };
                    door.log_in(|shown| own.show(&shown))?;
                    return Ok(own);
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    /// Shows a part of what lets a user in; gives the answer to it.
    fn show(&mut self, shown: &Shown<'_>) -> Result<Vec<u8>> {
        let mut body = Request::default();
        let (key, version) = match shown {
            Shown::Mechanism(name) => {
                body.string(name);
                (SASL_HANDSHAKE, 1)
            }
            Shown::Token(token) => {
                body.bytes(token);
                (SASL_AUTHENTICATE, 0)
            }
        };
        let mut answer = self.ask(key, version, body)?;
        let error = answer.int16()?;
        if error == NONE {
            return if key == SASL_HANDSHAKE {
                Ok(Vec::new())
            } else {
                answer.string().and_then(|_| answer.bytes())
            };
        }
        let refused = format!("Kafka broker {} refused user and password (error {error})", self.shown);
        let told = if key == SASL_AUTHENTICATE { answer.string()? } else { String::new() };
        Err(Failure::user(refused)
            .because(std::io::Error::other(told))
            .advice("see that user, password and sasl-mechanism are right"))
    }

    fn ask(&mut self, key: i16, version: i16, body: Request) -> Result<Answer> {
        self.next += 1;
        let bytes = body.framed(key, version, self.next);
        if let Err(error) = self.stream.write_all(&bytes).and_then(|()| self.stream.flush()) {
            return Err(self.silent(error));
        }
        let mut length = [0; 4];
        self.read(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(Failure::external(format!("{} does not speak Kafka's protocol", self.shown)));
        }
        let mut answer = vec![0; length];
        self.read(&mut answer)?;
        let mut answer = Answer::new(answer, self.shown.clone());
        if answer.int32()? != self.next {
            return Err(Failure::external(format!("{} answers another question", self.shown)));
        }
        if key >= DESCRIBE_TRANSACTIONS {
            answer.tags()?;
        }
        Ok(answer)
    }

    fn silent(&self, error: std::io::Error) -> Failure {
        Failure::external(format!("Kafka broker {} does not answer", self.shown)).because(error)
    }

    /// Fills `bytes`.
    fn read(&mut self, bytes: &mut [u8]) -> Result<()> {
        let cancelled = self.cancelled.clone();
        let (patience, mut filled) = (Patience::new(&cancelled, ANSWER), 0);
        while filled < bytes.len() {
            match self.stream.read(&mut bytes[filled..]) {
                Ok(0) => return Err(self.silent(ErrorKind::UnexpectedEof.into())),
                Ok(count) => filled += count,
                Err(error) if patience.may_wait(&error) => patience.wait()?,
                Err(error) => return Err(self.silent(error)),
            }
        }
        Ok(())
    }

    /// All brokers.
    pub(super) fn brokers(&mut self) -> Result<Vec<Address>> {
        let mut body = Request::default();
        body.int32(0); // no topics
        let mut answer = self.ask(METADATA, 1, body)?;
        (0..answer.count()?)
            .map(|_| {
                answer.int32()?;
                let (host, port) = (answer.string()?, answer.int32()?);
                answer.string()?; // the rack
                Ok(Address { host, port: u16::try_from(port).unwrap_or(0) })
            })
            .collect()
    }

    /// The coordinator of a transactional id, or the error's number.
    pub(super) fn coordinator(&mut self, id: &str) -> Result<Result<Address, i16>> {
        let mut body = Request::default();
        body.string(id);
        body.int8(1); // of a transaction, not of a group
        let mut answer = self.ask(FIND_COORDINATOR, 1, body)?;
        answer.int32()?; // throttled
        let error = answer.int16()?;
        answer.string()?; // its text
        answer.int32()?; // the broker's number
        let (host, port) = (answer.string()?, answer.int32()?);
        Ok(match error {
            NONE => Ok(Address { host, port: u16::try_from(port).unwrap_or(0) }),
            error => Err(error),
        })
    }

    /// What the coordinator knows of a transactional id.
    pub(super) fn describe(&mut self, id: &str) -> Result<Described> {
        let mut body = Request::default();
        body.compact_count(1);
        body.compact_string(id);
        body.tags();
        let mut answer = self.ask(DESCRIBE_TRANSACTIONS, 0, body)?;
        answer.int32()?; // throttled
        if answer.compact_count()? != 1 {
            return Err(Failure::external(format!("{} describes other transactions", self.shown)));
        }
        let error = answer.int16()?;
        answer.compact_string()?;
        let state = answer.compact_string()?;
        answer.int32()?; // the timeout
        answer.int64()?; // the begin
        let producer = ProducerId { id: answer.int64()?, epoch: answer.int16()? };
        Ok(Described { error, state, producer })
    }

    /// The transactional ids that this broker coordinates and of which a transaction is open.
    pub(super) fn open_transactions(&mut self) -> Result<Result<Vec<String>, i16>> {
        let mut body = Request::default();
        body.compact_count(1);
        body.compact_string("Ongoing");
        body.compact_count(0); // of any producer
        body.tags();
        let mut answer = self.ask(LIST_TRANSACTIONS, 0, body)?;
        answer.int32()?; // throttled
        let error = answer.int16()?;
        if error != NONE {
            return Ok(Err(error));
        }
        for _ in 0..answer.compact_count()? {
            answer.compact_string()?; // a state that it does not know
        }
        let ids = (0..answer.compact_count()?).map(|_| {
            let id = answer.compact_string()?;
            answer.int64()?;
            answer.compact_string()?;
            answer.tags()?;
            Ok(id)
        });
        ids.collect::<Result<Vec<_>>>().map(Ok)
    }

    /// Ends a transaction; the error's number.
    pub(super) fn end(&mut self, id: &str, producer: ProducerId, commit: bool) -> Result<i16> {
        let mut body = Request::default();
        body.string(id);
        body.int64(producer.id);
        body.int16(producer.epoch);
        body.int8(i8::from(commit));
        let mut answer = self.ask(END_TXN, 1, body)?;
        answer.int32()?; // throttled
        answer.int16()
    }

    /// Takes over a transactional id: an open transaction of it is aborted, and its producer can do nothing more. The
    /// error's number.
    pub(super) fn take_over(&mut self, id: &str, timeout: Duration) -> Result<i16> {
        let mut body = Request::default();
        body.string(id);
        body.int32(i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX));
        let mut answer = self.ask(INIT_PRODUCER_ID, 1, body)?;
        answer.int32()?; // throttled
        answer.int16()
    }
}

impl Address {
    pub(super) fn connect(&self, door: &Door, cancelled: &Cancelled) -> Result<Connection> {
        Connection::to(&format!("{}:{}", self.host, self.port), door, cancelled)
    }
}
