//! Records of bytes, between delimiters or behind their lengths.

use std::io::{self, Read};
use std::sync::Arc;

use memchr::memmem::Finder;
use millstream_dataflow::batch::{Batch, DEFAULT_BATCH, Origin};
use millstream_formats::lines::OnBadText;
use millstream_model::error::{BoxError, Failure, Position, Result, Unit};

use super::{Cut, Framing, Plan, escaped};

/// How many bytes are asked for at once.
const READ: usize = 64 << 10;

/// What a frame was.
pub(super) enum Decoded<T> {
    Record(T),
    Skipped,
}

type Decode<T> = fn(&[u8], OnBadText) -> Result<Decoded<T>, BoxError>;

pub(super) struct Frames<T> {
    plan: Plan,
    finder: Finder<'static>,
    decode: Decode<T>,
    peer: Arc<str>,
    buffer: Vec<u8>,
    /// Where the next frame begins.
    at: usize,
    /// Up to where there is no delimiter.
    searched: usize,
    records: u64,
    batch: Batch<T>,
}

impl<T> Frames<T> {
    pub(super) fn new(plan: &Plan, peer: Arc<str>, records: u64, decode: Decode<T>) -> Self {
        Self {
            finder: Finder::new(&plan.delimiter).into_owned(),
            plan: plan.clone(),
            decode,
            peer,
            buffer: Vec::new(),
            at: 0,
            searched: 0,
            records,
            batch: Batch::with_capacity(DEFAULT_BATCH),
        }
    }

    /// The place of the next frame in the buffer, and what stands behind it; `None` if it has not come whole.
    fn next(&self) -> Result<Option<(std::ops::Range<usize>, usize)>> {
        let pending = self.buffer.get(self.at..).unwrap_or_default();
        if self.plan.framing == Framing::Delimiter {
            let from = self.searched.max(self.at);
            let found = self.buffer.get(from..).and_then(|bytes| self.finder.find(bytes)).map(|at| from + at);
            return match found {
                Some(end) if end - self.at <= self.plan.max => {
                    Ok(Some((self.at..end, end + self.plan.delimiter.len())))
                }
                None if pending.len() <= self.plan.max + self.plan.delimiter.len() => Ok(None),
                _ => Err(self.too_long(&format!("more than {} bytes came without its end", self.plan.max))),
            };
        }
        let Some(length) = self.plan.framing.length(pending) else { return Ok(None) };
        if length > self.plan.max {
            return Err(self.too_long(&format!("the length in front of it says {length} bytes")));
        }
        let begin = self.at + self.plan.framing.width();
        Ok((self.buffer.len() >= begin + length).then_some((begin..begin + length, begin + length)))
    }

    fn too_long(&self, why: &str) -> Failure {
        let failure =
            Failure::user(format!("a record is longer than {} bytes: {why}", self.plan.max)).at(self.here());
        let pending = self.buffer.get(self.at..).unwrap_or_default();
        match looks_like(pending) {
            Some(what) => failure.advice(format!("what comes looks like {what}: see that the port is right")),
            None => failure.advice(match self.plan.framing {
                Framing::Delimiter => format!(
                    "is `{}` what ends records? If so, allow longer ones by the setting `frame-max`",
                    escaped(&self.plan.delimiter)
                ),
                _ => "do both sides have the same `framing`? If so, allow longer ones by the setting `frame-max`".into(),
            }),
        }
    }

    fn here(&self) -> Position {
        Origin::new(self.peer.clone(), Unit::Record, self.records + self.batch.len() as u64 + 1, 1)
            .position(0)
    }

    fn take(
        &mut self,
        frame: std::ops::Range<usize>,
        next: usize,
        emit: &mut dyn FnMut(&mut Batch<T>) -> Result<()>,
    ) -> Result<()> {
        let decoded = (self.decode)(self.buffer.get(frame).unwrap_or_default(), self.plan.bad_text);
        match decoded {
            Ok(Decoded::Record(record)) => {
                self.batch.push(record);
                if self.batch.len() == DEFAULT_BATCH {
                    self.hand_on(emit)?;
                }
            }
            Ok(Decoded::Skipped) => {
                self.hand_on(emit)?;
                self.plan.skipped.add_one();
                self.records += 1;
            }
            Err(error) => {
                let here = self.here();
                self.hand_on(emit)?;
                return Err(Failure::user("a record is not UTF-8 text").because(error).at(here).advice(
                    "is `framing` right? To go on with such records: the setting `bad-text`, or read bytes: .bytes()",
                ));
            }
        }
        (self.at, self.searched) = (next, next);
        Ok(())
    }

    fn hand_on(&mut self, emit: &mut dyn FnMut(&mut Batch<T>) -> Result<()>) -> Result<()> {
        let count = self.batch.len();
        if count == 0 {
            return Ok(());
        }
        self.batch.set_origin(Some(Origin::new(self.peer.clone(), Unit::Record, self.records + 1, count)));
        self.records += count as u64;
        let result = emit(&mut self.batch);
        self.batch.clear();
        result
    }
}

impl<T: Send> Cut<T> for Frames<T> {
    fn read(&mut self, input: &mut dyn Read) -> io::Result<usize> {
        self.buffer.drain(..self.at);
        self.searched -= self.at;
        self.at = 0;
        let kept = self.buffer.len();
        self.buffer.resize(kept + READ, 0);
        let count = input.read(self.buffer.get_mut(kept..).unwrap_or_default());
        self.buffer.truncate(kept + *count.as_ref().unwrap_or(&0));
        count
    }

    fn cut(&mut self, is_end: bool, emit: &mut dyn FnMut(&mut Batch<T>) -> Result<()>) -> Result<()> {
        loop {
            match self.next() {
                Ok(Some((frame, next))) => self.take(frame, next, emit)?,
                Ok(None) => break,
                Err(failure) => {
                    self.hand_on(emit)?;
                    return Err(failure);
                }
            }
        }
        // The begin of a delimiter whose rest is still to come is looked at again.
        let open = self.plan.delimiter.len() - 1;
        self.searched = self.buffer.len().saturating_sub(open).max(self.at);
        if is_end && self.at < self.buffer.len() {
            let (pending, end) = (self.pending(), self.buffer.len());
            if self.plan.framing != Framing::Delimiter {
                let here = self.here();
                self.hand_on(emit)?;
                self.drop_rest();
                return Err(Failure::external("the connection ended within a record")
                    .because(format!("{pending} bytes of it came, with its length"))
                    .at(here)
                    .advice(
                        "do both sides have the same `framing`? If so, see why the other side went away",
                    ));
            }
            if pending > self.plan.max {
                let failure = self.too_long(&format!("{pending} bytes came before the end"));
                self.hand_on(emit)?;
                return Err(failure);
            }
            self.take(self.at..end, end, emit)?;
        }
        self.hand_on(emit)
    }

    fn drop_rest(&mut self) {
        self.buffer.clear();
        (self.at, self.searched) = (0, 0);
    }

    fn records(&self) -> u64 {
        self.records
    }

    fn pending(&self) -> usize {
        self.buffer.len() - self.at
    }
}

/// What somebody may speak who does not speak in frames.
fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    let is_http =
        [&b"GET "[..], b"POST", b"PUT ", b"HEAD", b"HTTP"].iter().any(|word| bytes.starts_with(word));
    match bytes {
        _ if is_http => Some("HTTP"),
        [0x16, 3, ..] => Some("TLS"),
        _ if bytes.starts_with(b"SSH-") => Some("SSH"),
        _ => None,
    }
}
