//! CSV: quoted fields, which may hold line ends, under a header or without one.

use std::io::Read;
use std::marker::PhantomData;
use std::sync::Arc;

use csv::{DeserializeErrorKind, ErrorKind, ReaderBuilder, StringRecord};
use millstream_model::error::{Failure, Position, Result, Unit};
use serde::de::DeserializeOwned;

/// What becomes of a row with another number of fields than the header, or than the first row, has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ragged {
    /// It is a bad row.
    #[default]
    Refuse,
    /// Fields that are missing are empty; those that are too many are left out.
    Fit,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Csv {
    /// What stands between fields; `,` if nothing else is said.
    pub delimiter: u8,
    /// What stands around a field that has a delimiter, a line end or a quote in it; `"` if nothing else is said.
    pub quote: u8,
    /// Whether the first row has the names of the columns.
    pub header: bool,
    /// What a line that is left out begins with, if there is such a thing.
    pub comment: Option<u8>,
    /// Whether spaces around a field are no part of it.
    pub trim: bool,
    /// What becomes of rows of another length.
    pub ragged: Ragged,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: b'"',
            header: true,
            comment: None,
            trim: false,
            ragged: Ragged::Refuse,
        }
    }
}

/// Reads the rows of a file, one after the other.
pub struct CsvRows<T> {
    reader: csv::Reader<Box<dyn Read + Send>>,
    source: Arc<str>,
    header: Option<StringRecord>,
    /// How many fields a row has: as many as the header or, without one, the first row.
    fields: Option<usize>,
    record: StringRecord,
    format: Csv,
    /// Where the reader began.
    byte: u64,
    line: u64,
    row: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> CsvRows<T> {
    /// Reads `source` from its begin, or goes on at a byte and line (from 0) that [`CsvRows::byte`] and
    /// [`CsvRows::line`] gave; `open` opens the file at a byte.
    ///
    /// # Errors
    /// Those of `open`; if the header cannot be read.
    pub fn open(
        source: Arc<str>,
        format: Csv,
        at: Option<(u64, u64)>,
        open: &dyn Fn(u64) -> Result<Box<dyn Read + Send>>,
    ) -> Result<Self> {
        let mut rows = Self {
            reader: format.reader(open(0)?),
            source,
            header: None,
            fields: None,
            record: StringRecord::new(),
            format,
            byte: 0,
            line: 0,
            row: PhantomData,
        };
        if format.header && rows.read()? {
            rows.fields = Some(rows.record.len());
            rows.header = Some(std::mem::take(&mut rows.record));
        }
        if let Some((byte, line)) = at.filter(|(byte, _)| *byte > 0) {
            rows.reader = format.reader(open(byte)?);
            (rows.byte, rows.line) = (byte, line);
        }
        Ok(rows)
    }

    /// The byte behind the last row read.
    pub fn byte(&self) -> u64 {
        self.byte + self.reader.position().byte()
    }

    /// The file's name.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// How many lines lie before the next row.
    pub fn line(&self) -> u64 {
        // The reader counts from 1.
        self.line + self.reader.position().line() - 1
    }

    /// The next row; `None` at the end. After an error about a row the next one can be read.
    ///
    /// # Errors
    /// If the file cannot be read, or the row is none: with its line.
    pub fn next_row(&mut self) -> Result<Option<T>> {
        if !self.read()? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, |position| self.line + position.line());
        let found = self.record.len();
        let fields = *self.fields.get_or_insert(found);
        if found != fields {
            if self.format.ragged == Ragged::Refuse {
                let than = if self.header.is_some() { "the header has" } else { "the first row has" };
                let what = format!("the row has {found} fields, and {than} {fields}");
                let advice =
                    "mend the row, quote what has a delimiter in it, or take rows as they come: Ragged::Fit";
                return Err(Failure::user(what).at(self.at(line)).advice(advice));
            }
            self.record.truncate(fields);
            (found..fields).for_each(|_| self.record.push_field(""));
        }
        let row = self.record.deserialize(self.header.as_ref());
        row.map(Some).map_err(|error| self.wrong(&error).at(self.at(line)))
    }

    fn read(&mut self) -> Result<bool> {
        self.reader.read_record(&mut self.record).map_err(|error| {
            let line =
                error.position().map_or_else(|| self.line() + 1, |position| self.line + position.line());
            match error.kind() {
                ErrorKind::Utf8 { err, .. } => {
                    let what = format!(
                        "{} is not UTF-8 at its byte {}",
                        self.column(err.field()),
                        err.valid_up_to()
                    );
                    Failure::user(what).at(self.at(line))
                }
                _ => Failure::external(format!("cannot read `{}` behind line {}", self.source, self.line()))
                    .because(error)
                    .advice(
                        "if it is cut off or was changed while it was read, put it there again, under a name that was not \
                         read yet",
                    ),
            }
        })
    }

    fn at(&self, line: u64) -> Position {
        Position { source: self.source.clone(), unit: Unit::Line, first: line, last: line }
    }

    /// A column, by its name if it has one.
    fn column(&self, index: usize) -> String {
        match self.header.as_ref().and_then(|header| header.get(index)) {
            Some(name) => format!("column {} (`{name}`)", index + 1),
            None => format!("column {}", index + 1),
        }
    }

    fn wrong(&self, error: &csv::Error) -> Failure {
        let ErrorKind::Deserialize { err, .. } = error.kind() else {
            return Failure::user(error.to_string());
        };
        let Some(index) = err.field().and_then(|field| usize::try_from(field).ok()) else {
            let names = self.header.as_ref().map(|header| header.iter().collect::<Vec<_>>().join(", "));
            let failure = Failure::user(err.kind().to_string());
            return match names {
                Some(names) => failure.advice(format!("the columns are: {names}")),
                None => failure,
            };
        };
        let (column, text) = (self.column(index), self.record.get(index).unwrap_or_default());
        Failure::user(match err.kind() {
            DeserializeErrorKind::ParseInt(why) => {
                format!("{column}: `{text}` is no whole number of its type ({why})")
            }
            DeserializeErrorKind::ParseFloat(_) => format!("{column}: `{text}` is no number"),
            DeserializeErrorKind::ParseBool(_) => format!("{column}: `{text}` is neither true nor false"),
            other => format!("{column}: `{text}`: {other}"),
        })
    }
}

impl Csv {
    /// Refuses settings that contradict each other.
    ///
    /// # Errors
    /// If they do.
    pub fn check(&self) -> Result<()> {
        let special = [Some(self.delimiter), Some(self.quote), self.comment];
        let is_line_end = |byte: u8| [b'\n', b'\r'].contains(&byte);
        if self.delimiter == self.quote || special.into_iter().flatten().any(is_line_end) {
            return Err(Failure::user("the delimiter of CSV fields cannot be the quote or a line end")
                .advice("such as `,`, `;` or a tab"));
        }
        if self.comment.is_some_and(|comment| [self.delimiter, self.quote].contains(&comment)) {
            return Err(Failure::user("what begins a comment in CSV cannot be the delimiter or the quote")
                .advice("such as `#`"));
        }
        Ok(())
    }

    /// Reads a value that holds a row.
    pub(super) fn values(self, value: &[u8]) -> csv::Reader<&[u8]> {
        self.builder(value.len().max(1)).from_reader(value)
    }

    fn reader(self, input: Box<dyn Read + Send>) -> csv::Reader<Box<dyn Read + Send>> {
        self.builder(64 << 10).from_reader(input)
    }

    fn builder(self, buffer: usize) -> ReaderBuilder {
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(self.delimiter).quote(self.quote);
        builder.comment(self.comment).buffer_capacity(buffer);
        builder.trim(if self.trim { csv::Trim::All } else { csv::Trim::None });
        builder
    }
}
