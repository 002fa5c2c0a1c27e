//! Records that a server sends.

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::source::{
    Boundedness, Polled, Promise, Source, SourceOutput, SourceReader, SplitEnumerator,
};
use millstream_formats::lines::{Delimiter, OnBadText, SkippedLines};
use millstream_model::error::{Fault, Result};
use millstream_model::id::Subtask;
use millstream_model::record::Record;
use millstream_model::text::Text;

use super::framing::{Cut, Framing, MakeCut, Plan, bytes_cutter, escaped, text_cutter};
use super::peer::{Peer, Peers};
use super::reconnect::{Attempts, HANDSHAKE, Reconnect, host};
use super::settings::{BAD_TEXT, FRAME_MAX, FRAMING, SOURCE_SETTINGS};
use crate::chosen::Chosen;
use crate::tls::{ClientTls, Stream, is_waiting};

/// Each record that a server sends; one subtask reads it. [`TcpLines`] is the source of texts.
///
/// At most once across a kill: a server that is connected to again does not send again. When the server closes the
/// connection, the source ends, unless it is to [`reconnect`](TcpSource::reconnect).
///
/// ```
/// use millstream_connectors::tcp::TcpLines;
///
/// let lines = TcpLines::connect("localhost:9999");
/// let messages = TcpLines::connect("feed.example:9443")
///     .bytes()
///     .set("framing", "length-u32-be")
///     .set("frame-max", "1 MiB")
///     .set("tls", "on")
///     .set("reconnect-attempts", "10");
/// ```
pub struct TcpSource<T = Text> {
    address: String,
    reconnect: Reconnect,
    settings: Chosen,
    bad_text: OnBadText,
    skipped: SkippedLines,
    cutter: MakeCut<T>,
}

/// Texts that a server sends: lines, if nothing else is set.
pub type TcpLines = TcpSource<Text>;

impl<T> Clone for TcpSource<T> {
    fn clone(&self) -> Self {
        Self {
            address: self.address.clone(),
            reconnect: self.reconnect,
            settings: self.settings.clone(),
            bad_text: self.bad_text,
            skipped: self.skipped.clone(),
            cutter: self.cutter,
        }
    }
}

impl<T> std::fmt::Debug for TcpSource<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpSource").field("address", &self.address).finish_non_exhaustive()
    }
}

impl TcpSource {
    /// Lines from `host:port`.
    pub fn connect(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            reconnect: Reconnect::default(),
            settings: Chosen::new(&SOURCE_SETTINGS),
            bad_text: OnBadText::default(),
            skipped: SkippedLines::default(),
            cutter: text_cutter,
        }
    }

    /// Gives records as the bytes that they are.
    #[must_use]
    pub fn bytes(self) -> TcpSource<Vec<u8>> {
        let Self { address, reconnect, settings, bad_text, skipped, .. } = self;
        TcpSource { address, reconnect, settings, bad_text, skipped, cutter: bytes_cutter }
    }

    /// What becomes of a text that is not UTF-8; the job fails if nothing else is said.
    #[must_use]
    pub fn on_bad_text(mut self, choice: OnBadText) -> Self {
        self.bad_text = choice;
        self
    }

    /// The count of texts left out for [`OnBadText::Skip`].
    pub fn skipped(&self) -> SkippedLines {
        self.skipped.clone()
    }
}

impl<T> TcpSource<T> {
    /// Gives a setting its value: see [`SOURCE_SETTINGS`]. One that is unknown or malformed is refused when the job starts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.set(name, value);
        self
    }

    /// What ends a record: a character, or a text such as `"\r\n"`; `\n` (with a `\r` before it or without) if nothing else
    /// is said.
    #[must_use]
    pub fn delimiter(self, delimiter: impl Into<Delimiter>) -> Self {
        let text = escaped(delimiter.into().as_bytes());
        self.set("delimiter", &text)
    }

    /// Connects again when that fails or the connection ends.
    #[must_use]
    pub fn reconnect(mut self, settings: Reconnect) -> Self {
        self.reconnect = settings;
        self
    }

    fn opening(&self) -> Result<Opening<T>> {
        self.settings.check()?;
        let host = host(&self.address)?;
        let bad_text = self.settings.given(&BAD_TEXT)?.map_or(self.bad_text, OnBadText::from);
        let opening = Opening {
            plan: Plan::of(&self.settings, &FRAME_MAX)?.texts(bad_text, &self.skipped),
            reconnect: self.reconnect.with(&self.settings)?,
            tls: ClientTls::of(&self.settings, host)?,
            cutter: self.cutter,
        };
        // What is no delimiter of such records is told before the job runs.
        (opening.cutter)(&opening.plan, "none".into(), 0)?;
        Ok(opening)
    }
}

impl<T: Record> Source for TcpSource<T> {
    type Record = T;
    type Split = Peer;

    fn name(&self) -> String {
        let is_delimited = self.settings.get(&FRAMING).is_ok_and(|framing| framing == Framing::Delimiter);
        let is_text = std::any::TypeId::of::<T>() == std::any::TypeId::of::<Text>();
        if is_delimited && is_text { "TcpLines" } else { "TcpSource" }.into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn promise(&self) -> Promise {
        Promise::AtMostOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<Peer>>> {
        self.opening()?;
        Ok(Box::new(Peers::new(&self.address, restored)?))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<T, Peer>>> {
        Ok(Box::new(Reader { opening: self.opening()?, peer: None }))
    }
}

/// What is needed to connect and to read.
struct Opening<T> {
    plan: Plan,
    reconnect: Reconnect,
    tls: ClientTls,
    cutter: MakeCut<T>,
}

struct Reader<T> {
    opening: Opening<T>,
    peer: Option<Connection<T>>,
}

struct Connection<T> {
    peer: Peer,
    attempts: Attempts,
    stream: Option<(Stream, Instant)>,
    cutter: Box<dyn Cut<T>>,
    tls: ClientTls,
}

impl<T> SourceReader<T, Peer> for Reader<T> {
    fn add_split(&mut self, peer: Peer) -> Result<()> {
        let name: Arc<str> = peer.address.as_str().into();
        let cutter = (self.opening.cutter)(&self.opening.plan, name, peer.lines)?;
        let attempts = Attempts::new(self.opening.reconnect);
        let tls = self.opening.tls.clone();
        self.peer = Some(Connection { peer, attempts, stream: None, cutter, tls });
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, T>, patience: Duration) -> Result<Polled> {
        let Some(connection) = &mut self.peer else { return Ok(Polled::NeedSplit) };
        let polled = connection.poll(output, patience.max(Duration::from_millis(1)))?;
        if polled == Polled::NeedSplit {
            self.peer = None;
        }
        Ok(polled)
    }

    fn snapshot(&mut self) -> Vec<Peer> {
        self.peer.iter().map(|connection| connection.peer.clone()).collect()
    }
}

impl<T> Connection<T> {
    fn poll(&mut self, output: &mut SourceOutput<'_, T>, patience: Duration) -> Result<Polled> {
        let Some((stream, since)) = &mut self.stream else {
            let wait = self.attempts.wait();
            if !wait.is_zero() {
                std::thread::sleep(wait.min(patience));
                return Ok(Polled::Nothing);
            }
            if let Some(socket) = self.attempts.connect(&self.peer.address)? {
                match self.tls.over(socket) {
                    Ok(stream) => self.stream = Some((stream, Instant::now())),
                    Err(error) => return self.failed(error),
                }
            }
            return Ok(Polled::Nothing);
        };
        let read = wait_for(stream, *since, patience).and_then(|()| self.cutter.read(stream));
        match read {
            Ok(0) => {
                self.stream = None;
                let cut = self.cut(true, output);
                // Without attempts the end of the connection is the end of the stream.
                let goes_on = self.attempts.cut(self.so_far());
                match cut {
                    // A record that was cut is as lost as what was on its way behind it.
                    Err(failure) if goes_on && failure.fault() == Fault::External => {
                        tracing::warn!(address = self.peer.address, %failure, "a record was cut");
                        Ok(Polled::Nothing)
                    }
                    Err(failure) => Err(failure),
                    Ok(()) => Ok(if goes_on { Polled::Nothing } else { Polled::NeedSplit }),
                }
            }
            Ok(_) => {
                self.attempts.succeeded();
                self.cut(false, output)?;
                Ok(Polled::More)
            }
            Err(error) if is_waiting(&error) => Ok(Polled::Nothing),
            Err(error) => self.failed(error),
        }
    }

    fn failed(&mut self, error: io::Error) -> Result<Polled> {
        self.stream = None;
        self.cutter.drop_rest();
        match self.attempts.cut(self.so_far()) {
            true => Ok(Polled::Nothing),
            false => Err(self.attempts.gave_up(&self.peer.address, error)),
        }
    }

    fn cut(&mut self, is_end: bool, output: &mut SourceOutput<'_, T>) -> Result<()> {
        let cut = self.cutter.cut(is_end, &mut |batch| output.emit(batch));
        self.peer.lines = self.cutter.records();
        cut
    }

    fn so_far(&self) -> String {
        format!("{} lines", self.peer.lines)
    }
}

/// Sets how long a read may take, and goes on with the handshake where one is under way.
fn wait_for(stream: &mut Stream, since: Instant, patience: Duration) -> io::Result<()> {
    let timeout = |socket: &TcpStream| {
        socket.set_read_timeout(Some(patience)).and_then(|()| socket.set_write_timeout(Some(patience)))
    };
    timeout(stream.socket())?;
    if stream.is_handshaking() && since.elapsed() > HANDSHAKE {
        return Err(io::Error::new(
            ErrorKind::ConnectionAborted,
            "the handshake of TLS was not over after 10 s; does the server speak TLS at this port?",
        ));
    }
    stream.shake()
}
