//! Each record on a line of a file.

use std::fmt::Display;
use std::io::Write;

use millstream_model::error::{Failure, Result};

use crate::file::{FileEncoder, WriteFormat};

/// Writes what a record shows of itself on a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextLines;

/// As [`TextLines`] says, for one file.
pub struct LineEncoder;

impl<T: Display> WriteFormat<T> for TextLines {
    type Encoder = LineEncoder;

    fn sink_name(&self) -> &'static str {
        "TextFilesSink"
    }

    fn ending(&self) -> &'static str {
        "txt"
    }

    fn can_be_joined(&self) -> bool {
        true
    }

    fn begin(&self) -> Result<LineEncoder> {
        Ok(LineEncoder)
    }
}

impl<T: Display> FileEncoder<T> for LineEncoder {
    fn add(&mut self, record: T, out: &mut Vec<u8>) -> Result<()> {
        writeln!(out, "{record}")
            .map_err(|error| Failure::user("a record cannot be shown as text").because(error))
    }
}
