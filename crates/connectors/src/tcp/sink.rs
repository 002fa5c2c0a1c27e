//! Lines to a server.

use std::fmt::{Display, Write as _};
use std::io::{Error, ErrorKind, Write};
use std::marker::PhantomData;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::Cancelled;
use millstream_dataflow::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_model::settings::shown_duration;

use super::reconnect::{Attempts, Reconnect, check_address};

/// How long one call may block, so that a job can be cancelled meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);

/// Sends each record on a line to a server; each subtask has its own connection.
///
/// At least once across a kill of the job. A server says nothing about what it has read, so what was on its way when
/// the connection was cut is lost, unless the job goes back to a checkpoint before it; a run of records that was cut in
/// the middle is sent again as a whole.
///
/// ```
/// use std::time::Duration;
/// use millstream_connectors::tcp::{Reconnect, TcpSink};
/// let sink = TcpSink::<u64>::connect("localhost:9998")
///     .reconnect(Reconnect { attempts: 5, ..Reconnect::default() })
///     .write_timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug)]
pub struct TcpSink<T> {
    address: String,
    reconnect: Reconnect,
    write_timeout: Duration,
    record: PhantomData<fn(T)>,
}

impl<T> TcpSink<T> {
    /// A sink to `host:port`, which is tried once.
    pub fn connect(address: impl Into<String>) -> Self {
        let (reconnect, write_timeout) = (Reconnect::default(), Duration::from_secs(60));
        Self { address: address.into(), reconnect, write_timeout, record: PhantomData }
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
        self.write_timeout = timeout;
        self
    }
}

struct Writer {
    address: String,
    write_timeout: Duration,
    cancelled: Cancelled,
    attempts: Attempts,
    stream: Option<TcpStream>,
    text: String,
    sent: u64,
}

impl Writer {
    /// The connection, opened if it is not.
    fn connected(&mut self) -> Result<&mut TcpStream> {
        while self.stream.is_none() {
            self.cancelled.wait(self.attempts.wait())?;
            self.stream = self.attempts.connect(&self.address)?;
            if let Some(stream) = &self.stream {
                stream.set_write_timeout(Some(PATIENCE)).map_err(|error| {
                    Failure::external(format!("cannot set up the connection to {}", self.address))
                        .because(error)
                })?;
            }
        }
        self.stream.as_mut().ok_or_else(|| Failure::internal("a connection was opened and is not there"))
    }

    /// Sends the text; the inner error is one of the connection.
    fn send(&mut self) -> Result<Result<(), Error>> {
        let (text, timeout, cancelled) =
            (std::mem::take(&mut self.text), self.write_timeout, self.cancelled.clone());
        let sent = self.connected().and_then(|stream| send(stream, text.as_bytes(), timeout, &cancelled));
        self.text = text;
        sent
    }
}

fn send(
    stream: &mut TcpStream,
    mut bytes: &[u8],
    timeout: Duration,
    cancelled: &Cancelled,
) -> Result<Result<(), Error>> {
    let mut moved = Instant::now();
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Ok(Err(ErrorKind::WriteZero.into())),
            Ok(count) => {
                bytes = &bytes[count..];
                moved = Instant::now();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                cancelled.wait(Duration::ZERO)?;
                if moved.elapsed() >= timeout {
                    let text = format!("it took nothing for {}", shown_duration(timeout));
                    return Ok(Err(Error::new(ErrorKind::TimedOut, text)));
                }
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(()))
}

impl<T: Display> SinkWriter<T, (), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.text.clear();
        let count = batch.len() as u64;
        for record in batch.drain() {
            writeln!(self.text, "{record}")
                .map_err(|error| Failure::user("a record cannot be shown as text").because(error))?;
        }
        batch.clear();
        let failure = loop {
            match self.send() {
                Ok(Ok(())) => break None,
                Ok(Err(error)) => {
                    self.stream = None;
                    if !self.attempts.cut(format!("{} lines", self.sent)) {
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

impl<T: Record + Display> Sink for TcpSink<T> {
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
        check_address(&self.address)?;
        let mut writer = Writer {
            address: self.address.clone(),
            write_timeout: self.write_timeout,
            cancelled: context.cancelled,
            attempts: Attempts::new(self.reconnect),
            stream: None,
            text: String::new(),
            sent: 0,
        };
        // A server that is not there is told of before there is anything to send.
        writer.connected()?;
        Ok(Box::new(writer))
    }
}
