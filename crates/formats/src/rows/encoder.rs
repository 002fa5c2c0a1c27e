//! Rows of CSV and lines of JSON out of the program's own types.

use std::io::Write;

use csv::{QuoteStyle, Writer, WriterBuilder};
use millstream_model::error::{Failure, Result};
use serde::Serialize;

use super::Csv;
use crate::compression::Compression;
use crate::file::{FileEncoder, Outlet, WriteFormat};

/// Writes each record as a JSON value on a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonLines;

/// As [`JsonLines`] says, for one file.
pub struct JsonEncoder;

impl<T: Serialize> WriteFormat<T> for JsonLines {
    type Encoder = JsonEncoder;

    fn sink_name(&self) -> &'static str {
        "JsonFilesSink"
    }

    fn ending(&self) -> &'static str {
        "json"
    }

    fn can_be_joined(&self) -> bool {
        true
    }

    fn begin(&self) -> Result<JsonEncoder> {
        Ok(JsonEncoder)
    }
}

impl<T: Serialize> FileEncoder<T> for JsonEncoder {
    fn add(&mut self, record: T, out: &mut Vec<u8>) -> Result<()> {
        serde_json::to_writer(&mut *out, &record).map_err(|error| {
            Failure::user(format!("a record of type {} cannot be written as JSON", type_name::<T>()))
                .because(error)
                .advice("the keys of maps must be texts or numbers")
        })?;
        out.push(b'\n');
        Ok(())
    }
}

impl<T: Serialize> WriteFormat<T> for Csv {
    type Encoder = CsvEncoder;

    fn sink_name(&self) -> &'static str {
        "CsvFilesSink"
    }

    fn ending(&self) -> &'static str {
        "csv"
    }

    fn check(&self, _: Compression) -> Result<()> {
        Self::check(self)
    }

    fn can_be_joined(&self) -> bool {
        true
    }

    fn begin(&self) -> Result<CsvEncoder> {
        let written = Outlet::default();
        Ok(CsvEncoder { csv: *self, writer: self.writer(false, written.clone()), written })
    }
}

/// Writes rows, under the names of their fields if the format has a header.
pub struct CsvEncoder {
    csv: Csv,
    writer: Writer<Outlet>,
    written: Outlet,
}

impl<T: Serialize> FileEncoder<T> for CsvEncoder {
    fn head(&mut self, first: &T, out: &mut Vec<u8>) -> Result<()> {
        if !self.csv.header {
            return Ok(());
        }
        // The names come out with a row: what stands before the row is the header.
        let written = |header| {
            let mut writer = self.csv.writer(header, Vec::new());
            writer.serialize(first).map_err(|error| unwritable::<T>(&error))?;
            writer
                .into_inner()
                .map_err(|error| Failure::internal("rows cannot be flushed").because(error.into_error()))
        };
        let (with, without) = (written(true)?, written(false)?);
        if with.len() == without.len() {
            let what =
                format!("records of type {} have no names for the header of a CSV file", type_name::<T>());
            return Err(Failure::user(what).advice(
                "make it a struct with a name for each field, or write without a header: Csv { header: false, ..Csv::default() }",
            ));
        }
        out.extend_from_slice(&with[..with.len() - without.len()]);
        Ok(())
    }

    fn add(&mut self, record: T, out: &mut Vec<u8>) -> Result<()> {
        self.writer.serialize(record).map_err(|error| unwritable::<T>(&error))?;
        self.writer.flush().map_err(|error| Failure::internal("rows cannot be flushed").because(error))?;
        self.written.take(out);
        Ok(())
    }
}

fn unwritable<T>(error: &csv::Error) -> Failure {
    Failure::user(format!("a record of type {} cannot be written as a row of CSV: {error}", type_name::<T>()))
        .advice("its fields must be numbers, texts, true or false, or an Option of such, and as many in each record")
}

fn type_name<T>() -> &'static str {
    std::any::type_name::<T>()
}

impl Csv {
    fn writer<W: Write>(self, header: bool, into: W) -> Writer<W> {
        WriterBuilder::new()
            .has_headers(header)
            .delimiter(self.delimiter)
            .quote(self.quote)
            .quote_style(QuoteStyle::Necessary)
            .buffer_capacity(1 << 10)
            .from_writer(into)
    }
}
