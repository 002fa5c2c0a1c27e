//! CSV into batches, and back.

use std::io::Read;
use std::sync::Arc;

use super::ArrowBatch;
use arrow_array::RecordBatch;
use arrow_csv::reader::{Decoder, Format};
use arrow_csv::{ReaderBuilder, Writer, WriterBuilder};
use arrow_schema::{ArrowError, SchemaRef};
use millstream_dataflow::batch::Batch;
use millstream_model::error::{Failure, Result};

use super::ROWS;
use super::schema::shown;
use crate::compression::Compression;
use crate::file::{FileEncoder, Input, Outlet, Part, PartReader, ReadFormat, Stream, WriteFormat};
use crate::rows::{Csv, Ragged};

/// How much of a file is looked at to find its schema.
const LOOK: u64 = 1 << 20;

/// CSV files as batches of columns: read with a schema, or with the one that their first rows suggest; written.
#[derive(Clone, Debug, Default)]
pub struct CsvColumns {
    /// How rows are written.
    pub csv: Csv,
    /// The columns, in the order of the file; `None`: found out for each file from its first MiB.
    pub schema: Option<SchemaRef>,
}

impl CsvColumns {
    fn schema_of(&self, input: &Arc<dyn Input>) -> Result<SchemaRef> {
        if let Some(schema) = &self.schema {
            return Ok(schema.clone());
        }
        let format = Format::default()
            .with_header(self.csv.header)
            .with_delimiter(self.csv.delimiter)
            .with_quote(self.csv.quote)
            .with_truncated_rows(self.csv.ragged == Ragged::Fit);
        let format = match self.csv.comment {
            Some(comment) => format.with_comment(comment),
            None => format,
        };
        // The last row may be cut off here, and is left out.
        let mut bytes = Vec::new();
        let read = input.stream(0, None)?.take(LOOK).read_to_end(&mut bytes);
        read.map_err(|error| Failure::external(format!("cannot read `{}`", input.name())).because(error))?;
        if bytes.len() as u64 == LOOK
            && let Some(end) = memchr::memrchr(b'\n', &bytes)
        {
            bytes.truncate(end + 1);
        }
        let (schema, _) = format.infer_schema(&bytes[..], Some(1000)).map_err(|error| {
            Failure::user(format!("the columns of `{}` cannot be told from its first rows", input.name()))
                .because(error)
                .advice(
                    "give the schema of the columns, and make sure that the file is CSV with this delimiter",
                )
        })?;
        Ok(Arc::new(schema))
    }
}

impl ReadFormat for CsvColumns {
    type Record = ArrowBatch;
    type Reader = PartCsv;

    fn source_name(&self) -> &'static str {
        "CsvColumns"
    }

    fn check(&self) -> Result<()> {
        if self.csv.trim {
            return Err(Failure::user("spaces around fields stay where CSV is read into columns")
                .advice("leave `trim` out, or read rows: RowFiles::csv_as"));
        }
        self.csv.check()
    }

    /// A quoted field may hold a line end.
    fn part_bytes(&self, _: u64) -> u64 {
        u64::MAX
    }

    fn open(&self, input: Arc<dyn Input>, part: &Part) -> Result<PartCsv> {
        let schema = self.schema_of(&input)?;
        let (byte, rows) = part.at.unwrap_or((0, 0));
        let builder = ReaderBuilder::new(schema.clone())
            .with_header(self.csv.header && byte == 0)
            .with_header_validation(self.csv.header && byte == 0)
            .with_delimiter(self.csv.delimiter)
            .with_quote(self.csv.quote)
            .with_truncated_rows(self.csv.ragged == Ragged::Fit)
            .with_batch_size(ROWS);
        let builder = match self.csv.comment {
            Some(comment) => builder.with_comment(comment),
            None => builder,
        };
        let (name, stream) = (input.name().clone(), input.stream(byte, None)?);
        let buffer = vec![0; 256 << 10];
        let decoder = builder.build_decoder();
        Ok(PartCsv { name, schema, stream, decoder, buffer, filled: 0, used: 0, byte, rows, begun: rows })
    }
}

/// Reads batches of a CSV file.
pub struct PartCsv {
    name: Arc<str>,
    schema: SchemaRef,
    stream: Box<dyn Stream>,
    decoder: Decoder,
    buffer: Vec<u8>,
    filled: usize,
    used: usize,
    byte: u64,
    rows: u64,
    /// How many rows lay before this reader's first.
    begun: u64,
}

impl PartCsv {
    fn wrong(&self, error: &ArrowError) -> Failure {
        let text = error.to_string();
        let text = ["Parser error: ", "Csv error: "]
            .iter()
            .fold(text.as_str(), |text, kind| text.trim_start_matches(kind));
        let behind =
            if self.begun > 0 { format!(", counted behind {} rows", self.begun) } else { String::new() };
        Failure::user(format!("`{}` does not fit its columns: {text}{behind}", self.name)).advice(format!(
            "the columns are: {}; mend the row, give another schema, or read rows and leave bad ones out: \
             RowFiles::csv(..).on_bad_row(OnBadRow::Skip)",
            shown(&self.schema)
        ))
    }
}

impl PartReader<ArrowBatch> for PartCsv {
    fn wait(&mut self, patience: std::time::Duration) -> bool {
        self.used < self.filled || self.stream.wait(patience)
    }

    fn read(&mut self, emit: &mut dyn FnMut(&mut Batch<ArrowBatch>) -> Result<()>) -> Result<bool> {
        let mut is_end = false;
        while self.decoder.capacity() > 0 {
            if self.used == self.filled {
                let read = self.stream.read(&mut self.buffer);
                self.filled = read.map_err(|error| {
                    Failure::external(format!("cannot read `{}` behind byte {}", self.name, self.byte))
                        .because(error)
                        .advice("if it is cut off or was changed, put it there again, under a name that was not read yet")
                })?;
                self.used = 0;
            }
            let decoded = self.decoder.decode(&self.buffer[self.used..self.filled]);
            let decoded = decoded.map_err(|error| self.wrong(&error))?;
            self.used += decoded;
            self.byte += decoded as u64;
            if self.filled == 0 && decoded == 0 {
                is_end = true;
                break;
            }
            if decoded == 0 {
                break;
            }
        }
        if let Some(batch) = self.decoder.flush().map_err(|error| self.wrong(&error))? {
            self.rows += batch.num_rows() as u64;
            emit(&mut Batch::from(vec![ArrowBatch(batch)]))?;
        }
        Ok(!is_end)
    }

    fn position(&self) -> Option<(u64, u64)> {
        Some((self.byte, self.rows))
    }
}

impl WriteFormat<ArrowBatch> for CsvColumns {
    type Encoder = CsvColumnsEncoder;

    fn sink_name(&self) -> &'static str {
        "CsvColumnsSink"
    }

    fn ending(&self) -> &'static str {
        "csv"
    }

    fn check(&self, _: Compression) -> Result<()> {
        ReadFormat::check(self)
    }

    fn can_be_joined(&self) -> bool {
        true
    }

    fn begin(&self) -> Result<CsvColumnsEncoder> {
        let written = Outlet::default();
        Ok(CsvColumnsEncoder {
            writer: writer(self.csv, written.clone()),
            written,
            header: self.csv.header,
            schema: None,
        })
    }
}

/// Writes batches as rows of CSV.
pub struct CsvColumnsEncoder {
    writer: Writer<Outlet>,
    written: Outlet,
    header: bool,
    schema: Option<SchemaRef>,
}

fn writer(csv: Csv, into: Outlet) -> Writer<Outlet> {
    // The header is the file's head, and no part of any batch.
    WriterBuilder::new().with_header(false).with_delimiter(csv.delimiter).with_quote(csv.quote).build(into)
}

impl CsvColumnsEncoder {
    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        self.writer.write(batch).map_err(|error| {
            Failure::user("a batch cannot be written as CSV").because(error).advice(format!(
                "columns must be numbers, texts, times, true or false; they are: {}",
                shown(&batch.schema())
            ))
        })?;
        self.written.take(out);
        Ok(())
    }
}

impl FileEncoder<ArrowBatch> for CsvColumnsEncoder {
    fn head(&mut self, first: &ArrowBatch, out: &mut Vec<u8>) -> Result<()> {
        self.schema = Some(first.schema());
        if self.header {
            let names = first.schema_ref().fields().iter().map(|field| Some(field.name().clone()));
            let names = names.map(|name| arrow_array::StringArray::from(vec![name]));
            let columns = names.enumerate().map(|(at, name)| (at.to_string(), Arc::new(name) as _));
            let names = RecordBatch::try_from_iter(columns)
                .map_err(|error| Failure::internal("a header is no row").because(error))?;
            self.write(&names, out)?;
        }
        Ok(())
    }

    fn add(&mut self, ArrowBatch(batch): ArrowBatch, out: &mut Vec<u8>) -> Result<()> {
        if let Some(schema) = self.schema.as_ref().filter(|schema| ***schema != *batch.schema()) {
            return Err(another_schema(schema, &batch));
        }
        self.write(&batch, out)
    }
}

/// That the batches of one stream differ.
pub(super) fn another_schema(schema: &SchemaRef, batch: &RecordBatch) -> Failure {
    let what = format!(
        "a batch has the columns {}, and those before it in its file have {}",
        shown(&batch.schema()),
        shown(schema)
    );
    Failure::user(what).advice("give all batches one schema, or write each kind by a sink of its own")
}
