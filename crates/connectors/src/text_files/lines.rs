//! The lines of one split, from opening the file to its last line.
//!
//! Answers for where a split's lines begin and end, for compression, and for going on at a position. Not for the order
//! of splits.
//! Holds: each line belongs to the one split in which it begins.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_formats::compression::Compression;
use millstream_formats::lines::{LineCutter, LineSettings, Until};
use millstream_model::error::{Failure, Result};
use millstream_model::text::Text;
use millstream_storage::Reader;

use super::FileSplit;
use super::find::unreadable;
use super::places::{Given, Places};

/// Reads the lines of a split, some at a time.
pub struct SplitLines {
    path: String,
    end: Option<u64>,
    input: Input,
    cutter: LineCutter,
    /// The first bytes belong to a line of the split before.
    inside_line: bool,
}

enum Input {
    /// A file of this machine, or any behind its compression.
    Here(Box<dyn Read>),
    /// The bytes of a file elsewhere, which come as they come.
    There(Box<Reader>),
}

impl SplitLines {
    /// Opens the file at the split's position, or else at its begin.
    ///
    /// # Errors
    /// If the file cannot be read, or is shorter than what was read of it before.
    pub fn open(split: &FileSplit, settings: &LineSettings) -> Result<Self> {
        Self::open_in(split, settings, &Places::default())
    }

    /// The same, with settings for places elsewhere.
    pub(super) fn open_in(split: &FileSplit, settings: &LineSettings, places: &Places) -> Result<Self> {
        // A line that begins right at the start is told by the byte before it.
        let byte = split.byte.unwrap_or(split.start.saturating_sub(1));
        let compression = Compression::of(Path::new(&split.path));
        let input = match (Given::of(&split.path)?, compression) {
            (Given::Local(path), _) => Input::Here(local(&path, byte, compression)?),
            (Given::Remote(location), Compression::Plain) => {
                let (folder, name) = places.file(&location)?;
                let reader = folder.reader(&name, byte, split.end)?;
                if reader.length() < byte {
                    return Err(shrunk(&split.path, byte, reader.length()));
                }
                Input::There(Box::new(reader))
            }
            (Given::Remote(location), _) => {
                let (folder, name) = places.file(&location)?;
                let reader = folder.reader(&name, 0, None)?;
                let input = compression.open(reader).map_err(|error| unreadable(&split.path, error))?;
                Input::Here(behind(input, &split.path, byte)?)
            }
        };
        let cutter = LineCutter::new(split.shown().into(), settings.clone(), byte, split.lines);
        let inside_line = split.byte.is_none() && split.start > 0;
        Ok(Self { path: split.path.clone(), end: split.end, input, cutter, inside_line })
    }

    /// Waits no longer than `patience`; whether a read has something to give at once. A file of this machine always has.
    pub(super) fn wait(&mut self, patience: Duration) -> bool {
        match &mut self.input {
            Input::Here(_) => true,
            Input::There(reader) => reader.wait(patience),
        }
    }

    /// Reads once and gives the lines that are complete to `emit`. `false` when that was the end of the split.
    ///
    /// # Errors
    /// If the file cannot be read, what `emit` gives, and those of [`LineCutter::cut`].
    pub fn read(&mut self, emit: &mut dyn FnMut(&mut Batch<Text>) -> Result<()>) -> Result<bool> {
        let input: &mut dyn Read = match &mut self.input {
            Input::Here(input) => &mut **input,
            Input::There(reader) => &mut **reader,
        };
        let count = self.cutter.read(input).map_err(|error| {
            Failure::external(format!("cannot read `{}` behind byte {}", self.path, self.cutter.byte()))
                .because(error)
        })?;
        if self.inside_line && self.cutter.drop_first() {
            self.inside_line = false;
        }
        if !self.inside_line {
            let until = match self.end {
                // The last line may have no end, but only if it begins in this split.
                _ if count == 0 && self.end.is_none_or(|end| self.cutter.byte() < end) => Until::Rest,
                Some(end) => Until::Byte(end),
                None => Until::Complete,
            };
            self.cutter.cut(until, emit)?;
        }
        Ok(count > 0 && self.end.is_none_or(|end| self.cutter.byte() < end))
    }

    /// The byte behind the last line read, and how many lines of the split that were; `None` before the first line's
    /// begin is found.
    pub fn position(&self) -> Option<(u64, u64)> {
        (!self.inside_line).then(|| (self.cutter.byte(), self.cutter.lines()))
    }
}

/// A file of this machine from a byte on, which is counted behind the compression.
fn local(path: &str, byte: u64, compression: Compression) -> Result<Box<dyn Read>> {
    let fail = |error| unreadable(path, error);
    let mut file = File::open(path).map_err(fail)?;
    if compression != Compression::Plain {
        return behind(compression.open(file).map_err(fail)?, path, byte);
    }
    let length = file.metadata().map_err(fail)?.len();
    if length < byte {
        return Err(shrunk(path, byte, length));
    }
    file.seek(SeekFrom::Start(byte)).map_err(fail)?;
    Ok(Box::new(file))
}

/// Passes over what was read before.
fn behind(mut input: Box<dyn Read + Send>, path: &str, byte: u64) -> Result<Box<dyn Read>> {
    let passed = std::io::copy(&mut input.by_ref().take(byte), &mut std::io::sink());
    match passed.map_err(|error| unreadable(path, error))? {
        passed if passed < byte => Err(shrunk(path, byte, passed)),
        _ => Ok(input),
    }
}

fn shrunk(path: &str, byte: u64, length: u64) -> Failure {
    Failure::user(format!("`{path}` was read up to byte {byte} before, and now has only {length} bytes"))
        .advice("files must not change while a job reads them; start without the checkpoint to read it anew")
}
