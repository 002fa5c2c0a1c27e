//! Records to a server.

use std::fmt::Display;
use std::io::{Error, ErrorKind, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::Cancelled;
use millstream_dataflow::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::{BoxError, Failure, Result};
use millstream_model::record::Record;
use millstream_model::settings::shown_duration;

use super::framing::Plan;
use super::reconnect::{Attempts, HANDSHAKE, Reconnect, host};
use super::settings::{FRAME_MAX, SINK_SETTINGS, WRITE_TIMEOUT};
use crate::chosen::Chosen;
use crate::tls::{ClientTls, Stream, is_waiting};

/// How long one call may block, so that a job can be cancelled meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);

/// Puts a record's bytes behind those that are there.
type Encode<T> = dyn Fn(T, &mut Vec<u8>) -> Result<(), BoxError> + Send + Sync;

/// Sends each record to a server, on a line if nothing else is set; each subtask has its own connection.
///
/// At least once across a kill of the job. A server says nothing about what it has read, so what was on its way when
/// the connection was cut is lost, unless the job goes back to a checkpoint before it; a run of records that was cut in
/// the middle is sent again as a whole.
///
/// ```
/// use std::time::Duration;
/// use millstream_connectors::tcp::{Reconnect, TcpSink};
///
/// let sink = TcpSink::<u64>::connect("localhost:9998")
///     .reconnect(Reconnect { attempts: 5, ..Reconnect::default() })
///     .write_timeout(Duration::from_secs(10));
/// let messages = TcpSink::<Vec<u8>>::bytes("collector.example:9443")
///     .set("framing", "length-u16-be")
///     .set("tls", "on");
/// ```
pub struct TcpSink<T> {
    address: String,
    reconnect: Reconnect,
    write_timeout: Option<Duration>,
    settings: Chosen,
    encode: Arc<Encode<T>>,
}

impl<T> Clone for TcpSink<T> {
    fn clone(&self) -> Self {
        Self {
            address: self.address.clone(),
            reconnect: self.reconnect,
            write_timeout: self.write_timeout,
            settings: self.settings.clone(),
            encode: self.encode.clone(),
        }
    }
}

impl<T> std::fmt::Debug for TcpSink<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpSink").field("address", &self.address).finish_non_exhaustive()
    }
}

impl<T: Display> TcpSink<T> {
    /// A sink of texts to `host:port`, which is tried once.
    pub fn connect(address: impl Into<String>) -> Self {
        Self::encoded(address, |record: T, bytes| {
            write!(bytes, "{record}").map_err(|_| "its Display gave an error".into())
        })
    }
}

impl<T: AsRef<[u8]>> TcpSink<T> {
    /// A sink of bytes to `host:port`.
    pub fn bytes(address: impl Into<String>) -> Self {
        Self::encoded(address, |record: T, bytes| {
            bytes.extend_from_slice(record.as_ref());
            Ok(())
        })
    }
}

impl<T> TcpSink<T> {
    /// A sink to `host:port` of what a function makes of each record: it puts the bytes behind those that are there.
    pub fn encoded(
        address: impl Into<String>,
        encode: impl Fn(T, &mut Vec<u8>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            address: address.into(),
            reconnect: Reconnect::default(),
            write_timeout: None,
            settings: Chosen::new(&SINK_SETTINGS),
            encode: Arc::new(encode),
        }
    }

    /// Gives a setting its value: see [`SINK_SETTINGS`]. One that is unknown or malformed is refused when the job starts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.set(name, value);
        self
    }

    /// Connects again when that fails or the connection is cut.
    #[must_use]
    pub fn reconnect(mut self, settings: Reconnect) -> Self {
        self.reconnect = settings;
        self
    }

    /// How long a server may take nothing before its connection counts as cut; a minute if nothing else is said.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = Some(timeout);
        self
    }
}

struct Writer<T> {
    address: String,
    plan: Plan,
    tls: ClientTls,
    encode: Arc<Encode<T>>,
    write_timeout: Duration,
    cancelled: Cancelled,
    attempts: Attempts,
    stream: Option<Stream>,
    frames: Vec<u8>,
    sent: u64,
}

impl<T> Writer<T> {
    /// The connection, opened if it is not.
    fn connected(&mut self) -> Result<&mut Stream> {
        while self.stream.is_none() {
            self.cancelled.wait(self.attempts.wait())?;
            let Some(socket) = self.attempts.connect(&self.address)? else { continue };
            let stream = socket
                .set_write_timeout(Some(PATIENCE))
                .and_then(|()| socket.set_read_timeout(Some(PATIENCE)))
                .and_then(|()| self.tls.over(socket));
            let stream = stream.map_err(|error| {
                Failure::external(format!("cannot set up the connection to {}", self.address)).because(error)
            })?;
            match shake(stream, &self.cancelled)? {
                Ok(stream) => self.stream = Some(stream),
                Err(error) if self.attempts.cut(self.so_far()) => {
                    tracing::warn!(address = self.address, %error, "no TLS, trying again");
                }
                Err(error) => return Err(self.attempts.gave_up(&self.address, error)),
            }
        }
        self.stream.as_mut().ok_or_else(|| Failure::internal("a connection was opened and is not there"))
    }

    fn so_far(&self) -> String {
        format!("{} lines", self.sent)
    }

    /// Sends the frames; the inner error is one of the connection.
    fn send(&mut self) -> Result<Result<(), Error>> {
        let (frames, timeout, cancelled) =
            (std::mem::take(&mut self.frames), self.write_timeout, self.cancelled.clone());
        let sent = self.connected().and_then(|stream| send(stream, &frames, timeout, &cancelled));
        self.frames = frames;
        sent
    }
}

/// Agrees on encryption; the inner error is one of the connection.
fn shake(mut stream: Stream, cancelled: &Cancelled) -> Result<Result<Stream, Error>> {
    let begun = Instant::now();
    loop {
        match stream.shake() {
            Ok(()) => return Ok(Ok(stream)),
            Err(error) if is_waiting(&error) && begun.elapsed() < HANDSHAKE => {
                cancelled.wait(Duration::ZERO)?;
            }
            Err(error) if is_waiting(&error) => {
                return Ok(Err(Error::new(
                    ErrorKind::TimedOut,
                    "the handshake of TLS was not over after 10 s; does the server speak TLS at this port?",
                )));
            }
            Err(error) => return Ok(Err(error)),
        }
    }
}

fn send(
    stream: &mut Stream,
    mut bytes: &[u8],
    timeout: Duration,
    cancelled: &Cancelled,
) -> Result<Result<(), Error>> {
    let mut moved = Instant::now();
    loop {
        // What TLS has encrypted may still be here when all was given to it.
        let step =
            if bytes.is_empty() { stream.flush().map(|()| None) } else { stream.write(bytes).map(Some) };
        match step {
            Ok(None) => return Ok(Ok(())),
            Ok(Some(0)) => return Ok(Err(ErrorKind::WriteZero.into())),
            Ok(Some(count)) => {
                bytes = bytes.get(count..).unwrap_or_default();
                moved = Instant::now();
            }
            Err(error) if is_waiting(&error) => {
                cancelled.wait(Duration::ZERO)?;
                if moved.elapsed() >= timeout {
                    let text = format!("it took nothing for {}", shown_duration(timeout));
                    return Ok(Err(Error::new(ErrorKind::TimedOut, text)));
                }
            }
            Err(error) => return Ok(Err(stream.last_word().unwrap_or(error))),
        }
    }
}

impl<T> SinkWriter<T, (), ()> for Writer<T> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.frames.clear();
        let count = batch.len() as u64;
        for record in batch.drain() {
            self.plan.put(&mut self.frames, |bytes| {
                (self.encode)(record, bytes)
                    .map_err(|error| Failure::user("a record cannot be made bytes").because(error))
            })?;
        }
        batch.clear();
        let failure = loop {
            match self.send() {
                Ok(Ok(())) => break None,
                Ok(Err(error)) => {
                    self.stream = None;
                    if !self.attempts.cut(self.so_far()) {
                        break Some(self.attempts.gave_up(&self.address, error));
                    }
                }
                Err(failure) => break Some(failure),
            }
        };
        if let Some(failure) = failure {
            return Err(failure.advice(
                "a job with checkpoints and a restart strategy sends again from the last checkpoint",
            ));
        }
        self.attempts.succeeded();
        self.sent += count;
        Ok(())
    }
}

impl<T: Record> Sink for TcpSink<T> {
    type Record = T;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "TcpSink".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        self.settings.check()?;
        let settings = &self.settings;
        let own_timeout = settings.given(&WRITE_TIMEOUT)?.or(self.write_timeout);
        let mut writer = Writer {
            address: self.address.clone(),
            plan: Plan::of(settings, &FRAME_MAX)?,
            tls: ClientTls::of(settings, host(&self.address)?)?,
            encode: self.encode.clone(),
            write_timeout: own_timeout.map_or_else(|| settings.get(&WRITE_TIMEOUT), Ok)?,
            cancelled: context.cancelled,
            attempts: Attempts::new(self.reconnect.with(settings)?),
            stream: None,
            frames: Vec::new(),
            sent: 0,
        };
        // A server that is not there is told of before there is anything to send.
        writer.connected()?;
        Ok(Box::new(writer))
    }
}
