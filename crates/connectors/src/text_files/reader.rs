//! Reading the lines of splits, one split after the other.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use millstream_dataflow::source::{Polled, SourceOutput, SourceReader};
use millstream_formats::compression::Compression;
use millstream_formats::lines::{LineCutter, LineSettings, Until};
use millstream_model::error::{Failure, Result};
use millstream_model::text::Text;

use super::FileSplit;
use super::find::unreadable;

/// Reads splits in the order they came.
pub(super) struct FileReader {
    settings: LineSettings,
    splits: VecDeque<FileSplit>,
    open: Option<Open>,
}

/// The file of the first split.
struct Open {
    input: Box<dyn Read>,
    cutter: LineCutter,
    /// The first bytes belong to a line of the split before.
    inside_line: bool,
}

impl FileReader {
    pub(super) fn new(settings: LineSettings) -> Self {
        Self { settings, splits: VecDeque::new(), open: None }
    }

    fn open(&self, split: &FileSplit) -> Result<Open> {
        let fail = |error| unreadable(&split.path, error);
        let compression = Compression::of(Path::new(&split.path));
        // A line that begins right at the start is told by the byte before it.
        let byte = split.byte.unwrap_or(split.start.saturating_sub(1));
        let mut file = File::open(&split.path).map_err(fail)?;
        let input = if compression == Compression::Plain {
            let length = file.metadata().map_err(fail)?.len();
            if length < byte {
                return Err(shrunk(&split.path, byte, length));
            }
            file.seek(SeekFrom::Start(byte)).map_err(fail)?;
            Box::new(file)
        } else {
            let mut input = compression.open(file).map_err(fail)?;
            let passed = std::io::copy(&mut input.by_ref().take(byte), &mut std::io::sink()).map_err(fail)?;
            if passed < byte {
                return Err(shrunk(&split.path, byte, passed));
            }
            input
        };
        let cutter = LineCutter::new(split.shown().into(), self.settings.clone(), byte, split.lines);
        Ok(Open { input, cutter, inside_line: split.byte.is_none() && split.start > 0 })
    }
}

fn shrunk(path: &str, byte: u64, length: u64) -> Failure {
    Failure::user(format!("`{path}` was read up to byte {byte} before, and now has only {length} bytes"))
        .advice("files must not change while a job reads them; start without the checkpoint to read it anew")
}

impl SourceReader<Text, FileSplit> for FileReader {
    fn add_split(&mut self, split: FileSplit) -> Result<()> {
        self.splits.push_back(split);
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, Text>, _: Duration) -> Result<Polled> {
        let Some(split) = self.splits.front() else { return Ok(Polled::NeedSplit) };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open(split)?,
        };
        let count = open.cutter.read(&mut *open.input).map_err(|error| {
            Failure::external(format!("cannot read `{}` behind byte {}", split.path, open.cutter.byte()))
                .because(error)
        })?;
        if open.inside_line && open.cutter.drop_first() {
            open.inside_line = false;
        }
        if !open.inside_line {
            let until = match split.end {
                // The last line may have no end, but only if it begins in this split.
                _ if count == 0 && split.end.is_none_or(|end| open.cutter.byte() < end) => Until::Rest,
                Some(end) => Until::Byte(end),
                None => Until::Complete,
            };
            open.cutter.cut(until, &mut |batch| output.emit(batch))?;
        }
        let done = count == 0 || split.end.is_some_and(|end| open.cutter.byte() >= end);
        if done {
            self.splits.pop_front();
            return Ok(Polled::More);
        }
        if let (false, Some(split)) = (open.inside_line, self.splits.front_mut()) {
            (split.byte, split.lines) = (Some(open.cutter.byte()), open.cutter.lines());
        }
        self.open = Some(open);
        Ok(Polled::More)
    }

    fn snapshot(&mut self) -> Vec<FileSplit> {
        self.splits.iter().cloned().collect()
    }
}
