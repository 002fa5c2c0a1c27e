//! Lines that a server sends.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::source::{
    Boundedness, NextSplit, Polled, Promise, Source, SourceOutput, SourceReader, Split, SplitEnumerator,
};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_formats::lines::{Delimiter, LineCutter, LineSettings, OnBadText, SkippedLines, Until};
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use millstream_model::text::Text;
use serde::{Deserialize, Serialize};

use super::reconnect::{Attempts, Reconnect, check_address};

/// Each line that a server sends, as a [`Text`]; one subtask reads it.
///
/// When the server closes the connection, the source ends, unless it is to [`reconnect`](TcpLines::reconnect).
///
/// ```
/// use millstream_connectors::tcp::TcpLines;
/// let source = TcpLines::connect("localhost:9999");
/// ```
#[derive(Clone, Debug)]
pub struct TcpLines {
    address: String,
    reconnect: Reconnect,
    lines: LineSettings,
}

impl TcpLines {
    /// Lines from `host:port`.
    pub fn connect(address: impl Into<String>) -> Self {
        Self { address: address.into(), reconnect: Reconnect::default(), lines: LineSettings::default() }
    }

    /// What ends a line: a character, or a text such as `"\r\n"`; `\n` (with a `\r` before it or without) if nothing else
    /// is said.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<Delimiter>) -> Self {
        self.lines.delimiter = delimiter.into();
        self
    }

    /// Connects again when that fails or the connection ends.
    #[must_use]
    pub fn reconnect(mut self, settings: Reconnect) -> Self {
        self.reconnect = settings;
        self
    }

    /// What becomes of a line that is not UTF-8; the job fails if nothing else is said.
    #[must_use]
    pub fn on_bad_text(mut self, choice: OnBadText) -> Self {
        self.lines.on_bad_text = choice;
        self
    }

    /// The count of lines left out for [`OnBadText::Skip`].
    pub fn skipped(&self) -> SkippedLines {
        self.lines.skipped.clone()
    }
}

/// The connection, with how many lines came over it: they cannot be asked for again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// `host:port`.
    pub address: String,
    /// How many lines came so far.
    pub lines: u64,
}

impl Split for Peer {
    fn id(&self) -> String {
        self.address.clone()
    }
}

impl Source for TcpLines {
    type Record = Text;
    type Split = Peer;

    fn name(&self) -> String {
        "TcpLines".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn promise(&self) -> Promise {
        Promise::AtMostOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<Peer>>> {
        self.lines.check()?;
        check_address(&self.address)?;
        let waiting = match restored {
            None => vec![Peer { address: self.address.clone(), lines: 0 }],
            Some(bytes) => from_bytes(&bytes)
                .map_err(|e| Failure::user("the checkpoint's peer does not fit this source").because(e))?,
        };
        Ok(Box::new(Peers(waiting)))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<Text, Peer>>> {
        Ok(Box::new(Reader { settings: self.clone(), peer: None }))
    }
}

struct Peers(Vec<Peer>);

impl SplitEnumerator<Peer> for Peers {
    fn next_split(&mut self, _: Subtask) -> Result<NextSplit<Peer>> {
        Ok(self.0.pop().map_or(NextSplit::NoMore, NextSplit::Split))
    }

    fn add_back(&mut self, splits: Vec<Peer>) {
        self.0.extend(splits);
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        to_bytes(&self.0).map_err(|error| Failure::internal("a peer cannot be encoded").because(error))
    }
}

struct Reader {
    settings: TcpLines,
    peer: Option<Connection>,
}

struct Connection {
    peer: Peer,
    attempts: Attempts,
    stream: Option<TcpStream>,
    cutter: LineCutter,
}

impl SourceReader<Text, Peer> for Reader {
    fn add_split(&mut self, peer: Peer) -> Result<()> {
        let name: Arc<str> = peer.address.as_str().into();
        let cutter = LineCutter::new(name, self.settings.lines.clone(), 0, peer.lines);
        let attempts = Attempts::new(self.settings.reconnect);
        self.peer = Some(Connection { peer, attempts, stream: None, cutter });
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, Text>, patience: Duration) -> Result<Polled> {
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

impl Connection {
    fn poll(&mut self, output: &mut SourceOutput<'_, Text>, patience: Duration) -> Result<Polled> {
        let Some(stream) = &mut self.stream else {
            let wait = self.attempts.wait();
            if !wait.is_zero() {
                std::thread::sleep(wait.min(patience));
                return Ok(Polled::Nothing);
            }
            self.stream = self.attempts.connect(&self.peer.address)?;
            return Ok(Polled::Nothing);
        };
        let read = stream.set_read_timeout(Some(patience)).and_then(|()| self.cutter.read(stream));
        match read {
            Ok(0) => {
                self.stream = None;
                self.cut(Until::Rest, output)?;
                // Without attempts the end of the connection is the end of the stream.
                Ok(if self.attempts.cut(self.so_far()) { Polled::Nothing } else { Polled::NeedSplit })
            }
            Ok(_) => {
                self.attempts.succeeded();
                self.cut(Until::Complete, output)?;
                Ok(Polled::More)
            }
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                Ok(Polled::Nothing)
            }
            Err(error) => {
                self.stream = None;
                self.cutter.drop_rest();
                match self.attempts.cut(self.so_far()) {
                    true => Ok(Polled::Nothing),
                    false => Err(self.attempts.gave_up(&self.peer.address, error)),
                }
            }
        }
    }

    fn cut(&mut self, until: Until, output: &mut SourceOutput<'_, Text>) -> Result<()> {
        self.cutter.cut(until, &mut |batch| output.emit(batch))?;
        self.peer.lines = self.cutter.lines();
        Ok(())
    }

    fn so_far(&self) -> String {
        format!("{} lines", self.peer.lines)
    }
}
