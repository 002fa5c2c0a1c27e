//! Lines of files, in splits by byte range.
//!
//! Holds: each line belongs to the one split in which it begins.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH, Origin};
use millstream_dataflow::lineage::Pull;
use millstream_model::error::{Failure, Position, Result, Unit};
use millstream_model::text::{Lines, Text, TextBuffer, TextError};

const CHUNK: usize = 64 * 1024;

fn failed(path: &Path, error: std::io::Error) -> Failure {
    Failure::external(format!("{} cannot be read", path.display())).because(error).advice(
        "check the path and the permissions; a relative path starts at the folder the program runs in",
    )
}

/// The files that a path stands for, sorted; names that start with `_` or `.` are left out of folders.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let pattern = path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains('*'));
    let (folder, pattern) = match pattern {
        Some(pattern) => (path.parent().filter(|p| *p != Path::new("")).unwrap_or(Path::new(".")), pattern),
        None if path.is_dir() => (path, "*"),
        None => {
            fs::metadata(path).map_err(|error| failed(path, error))?;
            return Ok(vec![path.to_path_buf()]);
        }
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let file = entry.map_err(|error| failed(folder, error))?.path();
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if file.is_file() && !name.starts_with(['_', '.']) && matches(pattern, &name) {
            found.push(file);
        }
    }
    if found.is_empty() {
        return Err(Failure::user(format!("no file matches {}", path.display()))
            .advice("check the path; `*` stands for any run of characters in the last part of it only"));
    }
    found.sort();
    Ok(found)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|tail| {
            tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| matches(rest, &tail[at..]))
        }),
    }
}

fn not_text(path: &Path, offset: u64, error: TextError) -> Failure {
    let byte = match error {
        TextError::NotUtf8 { valid_up_to } => offset + valid_up_to as u64,
        TextError::TooLong { .. } => offset,
    };
    let source = path.display().to_string().into();
    Failure::user("a line is not text").because(error).at(Position {
        source,
        unit: Unit::Byte,
        first: byte,
        last: byte,
    })
}

/// The whole text of a file.
pub(super) fn whole(path: &Path) -> Result<Text> {
    let bytes = fs::read(path).map_err(|error| failed(path, error))?;
    Text::from_utf8(&bytes).map_err(|error| not_text(path, 0, error))
}

/// A range of bytes of a file.
pub(super) struct Split {
    path: PathBuf,
    start: u64,
    end: u64,
}

/// The files of `path`, cut into about `wanted` splits, at least one a file.
pub(super) fn splits(path: &Path, wanted: usize) -> Result<Vec<Split>> {
    let mut sized = Vec::new();
    for path in files(path)? {
        let length = fs::metadata(&path).map_err(|error| failed(&path, error))?.len();
        sized.push((path, length));
    }
    let total: u64 = sized.iter().map(|(_, length)| length).sum();
    let goal = total.div_ceil(wanted.max(1) as u64).max(1);
    let mut splits = Vec::new();
    for (path, length) in sized {
        let count = length.div_ceil(goal).max(1);
        for at in 0..count {
            let (start, end) = (length * at / count, length * (at + 1) / count);
            splits.push(Split { path: path.clone(), start, end });
        }
    }
    Ok(splits)
}

/// Where the first line that begins at or behind `offset` begins.
fn line_start(file: &mut File, offset: u64) -> std::io::Result<u64> {
    if offset == 0 {
        return Ok(0);
    }
    file.seek(SeekFrom::Start(offset - 1))?;
    let skipped = BufReader::new(file).skip_until(b'\n')?;
    Ok(offset - 1 + skipped as u64)
}

impl Split {
    pub(super) fn open(&self) -> Result<SplitReader> {
        let open = || {
            let mut file = File::open(&self.path)?;
            let start = line_start(&mut file, self.start)?;
            let end = line_start(&mut file, self.end)?.max(start);
            file.seek(SeekFrom::Start(start))?;
            Ok((file.take(end - start), start))
        };
        let (input, offset) = open().map_err(|error| failed(&self.path, error))?;
        Ok(SplitReader {
            source: self.path.display().to_string().into(),
            path: self.path.clone(),
            input,
            buffer: TextBuffer::with_capacity(CHUNK),
            lines: Text::EMPTY.into_lines(),
            chunk: (offset, 0),
            offset,
            line: (offset == 0).then_some(1),
        })
    }
}

/// The lines of a split.
pub(super) struct SplitReader {
    source: Arc<str>,
    path: PathBuf,
    input: std::io::Take<File>,
    buffer: TextBuffer,
    lines: Lines,
    /// Offset and length of what `lines` cuts.
    chunk: (u64, usize),
    /// Where the bytes that were not yet taken begin.
    offset: u64,
    /// The number of the next line, where it is known: in the split at the start of the file.
    line: Option<u64>,
}

impl Pull<Text> for SplitReader {
    fn next(&mut self) -> Result<Option<Batch<Text>>> {
        loop {
            let lines: Vec<Text> = self.lines.by_ref().take(DEFAULT_BATCH).collect();
            if !lines.is_empty() {
                let source = Arc::clone(&self.source);
                let origin = match &mut self.line {
                    Some(line) => {
                        let first = *line;
                        *line += lines.len() as u64;
                        Origin::new(source, Unit::Line, first, lines.len())
                    }
                    None => Origin::new(source, Unit::Byte, self.chunk.0, self.chunk.1).blurred(),
                };
                let mut batch = Batch::from(lines);
                batch.set_origin(Some(origin));
                return Ok(Some(batch));
            }
            let read = self.input.read(self.buffer.spare()).map_err(|error| failed(&self.path, error))?;
            self.buffer.filled(read);
            let text = if read > 0 { self.buffer.take_lines(b'\n') } else { self.buffer.take_rest() };
            let text = text.map_err(|error| not_text(&self.path, self.offset, error))?;
            if read == 0 && text.is_empty() {
                return Ok(None);
            }
            self.chunk = (self.offset, text.len());
            self.offset += text.len() as u64;
            self.lines = text.into_lines();
        }
    }
}
