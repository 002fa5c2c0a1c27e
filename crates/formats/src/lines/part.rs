//! The lines of one part of a file.
//!
//! Answers for where a part's lines begin and end, and for going on at a position.
//! Holds: each line belongs to the one part in which it begins.

use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_model::error::{Failure, Result};
use millstream_model::text::Text;

use super::{LineCutter, LineSettings, Until};
use crate::file::{Input, Part, PartReader, ReadFormat, Stream};

impl ReadFormat for LineSettings {
    type Record = Text;
    type Reader = PartLines;

    fn source_name(&self) -> &'static str {
        "TextFiles"
    }

    fn check(&self) -> Result<()> {
        Self::check(self)
    }

    /// From the middle of a file on, nobody can tell where a delimiter such as `aa` begins.
    fn part_bytes(&self, wanted: u64) -> u64 {
        self.delimiter.single().map_or(u64::MAX, |_| wanted)
    }

    fn open(&self, input: Arc<dyn Input>, part: &Part) -> Result<PartLines> {
        // A line that begins right at the start is told by the byte before it.
        let (byte, lines) = part.at.unwrap_or((part.start.saturating_sub(1), 0));
        let name = input.name().clone();
        let cutter = LineCutter::new(part.shown(&name).into(), self.clone(), byte, lines);
        let inside_line = part.at.is_none() && part.start > 0;
        Ok(PartLines { name, end: part.end, input: input.stream(byte, part.end)?, cutter, inside_line })
    }
}

/// Reads the lines of a part, some at a time.
pub struct PartLines {
    name: Arc<str>,
    end: Option<u64>,
    input: Box<dyn Stream>,
    cutter: LineCutter,
    /// The first bytes belong to a line of the part before.
    inside_line: bool,
}

impl PartReader<Text> for PartLines {
    fn wait(&mut self, patience: Duration) -> bool {
        self.input.wait(patience)
    }

    fn read(&mut self, emit: &mut dyn FnMut(&mut Batch<Text>) -> Result<()>) -> Result<bool> {
        let count = self.cutter.read(&mut *self.input).map_err(|error| {
            let failure =
                Failure::external(format!("cannot read `{}` behind byte {}", self.name, self.cutter.byte()));
            failure.because(error).advice(
                "if it is cut off or was changed while it was read, put it there again, under a name that was not read yet",
            )
        })?;
        if self.inside_line && self.cutter.drop_first() {
            self.inside_line = false;
        }
        if !self.inside_line {
            let until = match self.end {
                // The last line may have no end, but only if it begins in this part.
                _ if count == 0 && self.end.is_none_or(|end| self.cutter.byte() < end) => Until::Rest,
                Some(end) => Until::Byte(end),
                None => Until::Complete,
            };
            self.cutter.cut(until, emit)?;
        }
        Ok(count > 0 && self.end.is_none_or(|end| self.cutter.byte() < end))
    }

    fn position(&self) -> Option<(u64, u64)> {
        (!self.inside_line).then(|| (self.cutter.byte(), self.cutter.lines()))
    }
}
