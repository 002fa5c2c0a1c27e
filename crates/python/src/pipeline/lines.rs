//! The lines of a part of a file.
//!
//! Holds: each line belongs to the one part in which it begins; bytes that are not UTF-8 become U+FFFD, as Spark reads
//! them.

use std::vec::IntoIter;

use millstream_connectors::files::{FileSplit, LineSettings, OnBadText, PartLines, PartReader, lines};
use millstream_model::error::{Failure, Fault};
use millstream_model::text::Text;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::plan::LineType;

/// Reads a run of bytes, of a file of this machine or of one elsewhere, and hands out its lines.
pub(super) struct Lines {
    part: PartLines,
    ended: bool,
    record: LineType,
    lines: IntoIter<Text>,
}

impl Lines {
    pub(super) fn open(path: String, start: u64, end: u64, record: LineType) -> PyResult<Self> {
        let settings = LineSettings {
            on_bad_text: OnBadText::Replace,
            read_bytes: 256 << 10,
            ..LineSettings::default()
        };
        let split = FileSplit { path, start, end: Some(end), byte: None, count: 0 };
        let part = lines(&split, &settings).map_err(|failure| PyOSError::new_err(failure.to_string()))?;
        Ok(Self { part, ended: false, record, lines: Vec::new().into_iter() })
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
            let mut read = Vec::new();
            let more = self.part.read(&mut |batch| {
                read.extend(batch.drain());
                Ok(())
            });
            self.ended = !more.map_err(|failure| raised(&failure))?;
            self.lines = read.into_iter();
        }
    }
}

/// What could not be read is an error of the system's; a line that is too long is one of the program's.
fn raised(failure: &Failure) -> PyErr {
    match failure.fault() {
        Fault::External => PyOSError::new_err(failure.to_string()),
        _ => PyRuntimeError::new_err(failure.to_string()),
    }
}
