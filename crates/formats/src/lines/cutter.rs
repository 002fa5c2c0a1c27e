//! Cutting what was read into batches of lines.

use std::io::Read;
use std::sync::Arc;

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH, Origin};
use millstream_model::error::{Failure, Position, Result, Unit};
use millstream_model::text::{Text, TextBuffer};

use super::{LineSettings, OnBadText};

/// How much of what was read is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// All lines that have their end.
    Complete,
    /// Those of them that begin before this byte of the input.
    Byte(u64),
    /// Everything: nothing follows, so that the last line needs no end.
    Rest,
}

/// Turns reads into batches of lines that are views of the bytes read.
pub struct LineCutter {
    settings: LineSettings,
    source: Arc<str>,
    buffer: TextBuffer,
    batch: Batch<Text>,
    byte: u64,
    lines: u64,
}

impl LineCutter {
    /// A cutter for the bytes of `source` from its byte `byte` on, where `lines` lines were cut before.
    pub fn new(source: Arc<str>, settings: LineSettings, byte: u64, lines: u64) -> Self {
        let buffer = TextBuffer::with_capacity(settings.read_bytes);
        Self { settings, source, buffer, batch: Batch::with_capacity(DEFAULT_BATCH), byte, lines }
    }

    /// The byte behind the last line cut.
    pub fn byte(&self) -> u64 {
        self.byte
    }

    /// How many lines were cut, left out ones included.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Reads once; 0 at the end of the input.
    ///
    /// # Errors
    /// As `input`.
    pub fn read(&mut self, input: &mut dyn Read) -> std::io::Result<usize> {
        let count = input.read(self.buffer.spare())?;
        self.buffer.filled(count);
        Ok(count)
    }

    /// Drops everything up to the first line end, as the reader of a split that begins inside a line does. `false` if
    /// there is none yet: read on and ask again.
    pub fn drop_first(&mut self) -> bool {
        let pending = self.buffer.pending();
        let end = self.settings.delimiter.ends(pending).next();
        // The begin of a delimiter whose rest is still to come stays.
        let kept = self.settings.delimiter.len() - 1;
        let count = end.unwrap_or(pending.len().saturating_sub(kept));
        self.advance(count);
        end.is_some()
    }

    /// Forgets the start of a line whose end will never come.
    pub fn drop_rest(&mut self) {
        let count = self.buffer.pending().len();
        self.advance(count);
    }

    /// Gives the lines to `emit`, in batches of at most [`DEFAULT_BATCH`] with their origin.
    ///
    /// # Errors
    /// Those of `emit`; a line that is not UTF-8, if it is to fail; a line that is too long.
    pub fn cut(&mut self, until: Until, emit: &mut dyn FnMut(&mut Batch<Text>) -> Result<()>) -> Result<()> {
        let count = self.reach(until);
        if count == 0 {
            return self.check_length();
        }
        // One check and one allocation for all lines of a read; only if it fails, each line is looked at.
        match Text::from_utf8(&self.buffer.pending()[..count]) {
            Ok(block) => match self.settings.delimiter.single() {
                Some(byte) => {
                    let block = match block.as_bytes().last() {
                        Some(&last) if last == byte => block.slice(..block.len() - 1),
                        _ => block,
                    };
                    self.emit_block(block, byte, emit)?;
                }
                None => self.emit_pieces(&block, emit)?,
            },
            Err(_) => self.emit_each(count, emit)?,
        }
        self.advance(count);
        Ok(())
    }

    /// How many pending bytes are to be cut.
    fn reach(&self, until: Until) -> usize {
        let pending = self.buffer.pending();
        let Some(byte) = self.settings.delimiter.single() else { return self.reach_by_text(until) };
        let complete = self.buffer.complete(byte);
        match until {
            Until::Rest => pending.len(),
            Until::Complete => complete,
            Until::Byte(end) if end <= self.byte => 0,
            Until::Byte(end) => {
                let last = usize::try_from(end - self.byte - 1).unwrap_or(usize::MAX);
                let behind = pending.get(last..complete).unwrap_or_default();
                let at = behind.iter().position(|&other| other == byte);
                at.map_or(complete, |at| last + at + 1)
            }
        }
    }

    /// As `reach`, for a delimiter of several bytes: they are found from the begin on, so that none overlap.
    fn reach_by_text(&self, until: Until) -> usize {
        let pending = self.buffer.pending();
        let ends = self.settings.delimiter.ends(pending);
        let begins_before = |begin: usize| match until {
            Until::Byte(end) => self.byte + (begin as u64) < end,
            _ => true,
        };
        match until {
            Until::Rest => pending.len(),
            _ => ends
                .scan(0, |begin, end| begins_before(std::mem::replace(begin, end)).then_some(end))
                .last()
                .unwrap_or(0),
        }
    }

    /// The lines of a text that a delimiter of several bytes ends.
    fn emit_pieces(
        &mut self,
        block: &Text,
        emit: &mut dyn FnMut(&mut Batch<Text>) -> Result<()>,
    ) -> Result<()> {
        let delimiter = self.settings.delimiter.clone();
        let text = delimiter.text();
        for line in block.as_str().split_terminator(&*text) {
            self.batch.push(block.slice_ref(line));
            if self.batch.len() == DEFAULT_BATCH {
                self.hand_on(emit)?;
            }
        }
        self.hand_on(emit)
    }

    fn emit_block(
        &mut self,
        block: Text,
        delimiter: u8,
        emit: &mut dyn FnMut(&mut Batch<Text>) -> Result<()>,
    ) -> Result<()> {
        let newline = delimiter == b'\n';
        for line in block.into_split(char::from(delimiter)) {
            let line = if newline { without_return(line) } else { line };
            self.batch.push(line);
            if self.batch.len() == DEFAULT_BATCH {
                self.hand_on(emit)?;
            }
        }
        self.hand_on(emit)
    }

    fn emit_each(
        &mut self,
        count: usize,
        emit: &mut dyn FnMut(&mut Batch<Text>) -> Result<()>,
    ) -> Result<()> {
        let (mut start, mut lines) = (0, Vec::new());
        let delimiter = &self.settings.delimiter;
        let pending = &self.buffer.pending()[..count];
        let ends = delimiter.ends(pending).collect::<Vec<_>>();
        let rest = ends.last().is_none_or(|&end| end < count).then_some(count);
        for end in ends.into_iter().chain(rest) {
            let line = &pending[start..end];
            let bare = delimiter.without(line);
            let text = match std::str::from_utf8(bare) {
                Ok(text) => Ok(Text::from(text)),
                Err(error) => Err((error.valid_up_to(), String::from_utf8_lossy(bare).into_owned())),
            };
            lines.push((start, text));
            start = end;
        }
        for (start, line) in lines {
            match (line, self.settings.on_bad_text) {
                (Ok(line), _) => self.batch.push(self.bare(line)),
                (Err((_, replaced)), OnBadText::Replace) => self.batch.push(self.bare(Text::from(replaced))),
                (Err(_), OnBadText::Skip) => {
                    self.settings.skipped.add_one();
                    self.hand_on(emit)?;
                    self.lines += 1;
                }
                (Err((good, _)), OnBadText::Fail) => {
                    self.hand_on(emit)?;
                    return Err(self.not_utf8(self.byte + (start + good) as u64, good));
                }
            }
            if self.batch.len() == DEFAULT_BATCH {
                self.hand_on(emit)?;
            }
        }
        self.hand_on(emit)
    }

    fn bare(&self, line: Text) -> Text {
        if self.settings.delimiter.single() == Some(b'\n') { without_return(line) } else { line }
    }

    fn hand_on(&mut self, emit: &mut dyn FnMut(&mut Batch<Text>) -> Result<()>) -> Result<()> {
        let count = self.batch.len();
        if count == 0 {
            return Ok(());
        }
        self.batch.set_origin(Some(Origin::new(self.source.clone(), Unit::Line, self.lines + 1, count)));
        self.lines += count as u64;
        let result = emit(&mut self.batch);
        self.batch.clear();
        result
    }

    fn advance(&mut self, count: usize) {
        self.buffer.discard(count);
        self.byte += count as u64;
    }

    fn not_utf8(&self, byte: u64, column: usize) -> Failure {
        let what = format!(
            "a line is not UTF-8 text: byte {} of the line is bad (byte {byte} of the input, counted from 0)",
            column + 1
        );
        Failure::user(what)
            .at(self.here())
            .advice("to go on with such lines: OnBadText::Replace puts U+FFFD for bad bytes, OnBadText::Skip leaves the lines out and counts them")
    }

    fn check_length(&self) -> Result<()> {
        let (length, longest) = (self.buffer.pending().len(), self.settings.longest);
        if length <= longest {
            return Ok(());
        }
        Err(Failure::user(format!(
            "a line is longer than {longest} bytes: {length} bytes came without its end"
        ))
        .at(self.here())
        .advice(format!(
            "is {:?} what ends the lines? If so, allow longer ones",
            self.settings.delimiter.text()
        )))
    }

    /// The next line.
    fn here(&self) -> Position {
        Position {
            source: self.source.clone(),
            unit: Unit::Line,
            first: self.lines + 1,
            last: self.lines + 1,
        }
    }
}

#[inline]
fn without_return(line: Text) -> Text {
    match line.as_bytes().last() {
        Some(b'\r') => line.slice(..line.len() - 1),
        _ => line,
    }
}
