//! The lines of a part of a file.
//!
//! Holds: each line belongs to the one part in which it begins; bytes that are not UTF-8 become U+FFFD, as Spark reads
//! them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::vec::IntoIter;

use millstream_formats::compression::Compression;
use millstream_formats::lines::{LineCutter, LineSettings, OnBadText, Until};
use millstream_model::error::{Failure, Result};
use millstream_model::text::Text;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::plan::LineType;

/// Reads a run of bytes, and hands out its lines.
pub(super) struct Lines {
    path: String,
    input: Box<dyn Read + Send>,
    cutter: LineCutter,
    /// The first bytes belong to a line of the part before.
    inside_line: bool,
    end: u64,
    ended: bool,
    record: LineType,
    lines: IntoIter<Text>,
}

impl Lines {
    pub(super) fn open(path: String, start: u64, end: u64, record: LineType) -> PyResult<Self> {
        let compression = Compression::of(Path::new(&path));
        // A line that begins right at the start is told by the byte before it.
        let byte = start.saturating_sub(1);
        let open = || -> std::io::Result<Box<dyn Read + Send>> {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(byte))?;
            compression.open(file)
        };
        let input = open().map_err(|error| unreadable(&path, &error))?;
        let settings = LineSettings {
            on_bad_text: OnBadText::Replace,
            read_bytes: 256 << 10,
            ..LineSettings::default()
        };
        let cutter = LineCutter::new(path.as_str().into(), settings, byte, 0);
        let lines = Vec::new().into_iter();
        Ok(Self { path, input, cutter, inside_line: start > 0, end, ended: false, record, lines })
    }

    pub(super) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        loop {
            if let Some(line) = self.lines.next() {
                let bytes = line.as_bytes();
                return Ok(Some(match self.record {
                    LineType::Str => PyString::from_bytes(py, bytes)?.into_any(),
                    LineType::Bytes => PyBytes::new(py, bytes).into_any(),
                }));
            }
            if self.ended {
                return Ok(None);
            }
            let count = self.cutter.read(&mut *self.input).map_err(|error| unreadable(&self.path, &error))?;
            let lines = self.cut(count).map_err(|failure| PyRuntimeError::new_err(failure.to_string()))?;
            self.lines = lines.into_iter();
        }
    }

    fn cut(&mut self, count: usize) -> Result<Vec<Text>, Failure> {
        if self.inside_line && self.cutter.drop_first() {
            self.inside_line = false;
        }
        let mut lines = Vec::new();
        if !self.inside_line {
            // The last line may have no end, but only if it begins in this part.
            let until =
                if count == 0 && self.cutter.byte() < self.end { Until::Rest } else { Until::Byte(self.end) };
            self.cutter.cut(until, &mut |batch| {
                lines.extend(batch.drain());
                Ok(())
            })?;
        }
        self.ended = count == 0 || self.cutter.byte() >= self.end;
        Ok(lines)
    }
}

fn unreadable(path: &str, error: &std::io::Error) -> PyErr {
    PyOSError::new_err(format!("cannot read `{path}`: {error}"))
}
