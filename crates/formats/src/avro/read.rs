//! Reading records, block by block.
//!
//! Holds: the position is the byte at which a block begins, and how many of its records were emitted.

use std::io::{self, BufReader, Read};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use apache_avro::{Reader, Schema, from_value};
use millstream_dataflow::batch::{Batch, DEFAULT_BATCH, Origin};
use millstream_model::error::{BoxError, Failure, Result, Unit};
use millstream_model::record::Record;
use serde::de::DeserializeOwned;

use super::frame::{MARKER, behind_marker, block, head};
use crate::file::{Input, Part, PartReader, ReadFormat, Stream};

/// Avro container files as records, each as a `T`.
#[derive(Debug)]
pub struct ReadAvro<T> {
    schema: Option<Arc<Schema>>,
    row: PhantomData<fn() -> T>,
}

impl<T> Clone for ReadAvro<T> {
    fn clone(&self) -> Self {
        Self { schema: self.schema.clone(), row: PhantomData }
    }
}

impl<T> Default for ReadAvro<T> {
    /// Records as the schema of each file has them.
    fn default() -> Self {
        Self { schema: None, row: PhantomData }
    }
}

impl<T> ReadAvro<T> {
    /// Records as a schema of one's own has them, given as JSON: fields that a file has not get their defaults, as Avro
    /// resolves one schema into another.
    ///
    /// # Errors
    /// If it is no schema.
    pub fn with_schema(text: &str) -> Result<Self> {
        Ok(Self { schema: Some(Arc::new(super::schema(text)?)), row: PhantomData })
    }
}

impl<T: Record + DeserializeOwned> ReadFormat for ReadAvro<T> {
    type Record = T;
    type Reader = PartAvro<T>;

    fn source_name(&self) -> &'static str {
        "AvroFiles"
    }

    fn open(&self, input: Arc<dyn Input>, part: &Part) -> Result<PartAvro<T>> {
        let name = input.name().clone();
        let head = head(&mut BufReader::new(Streamed(input.stream(0, None)?)))
            .map_err(|error| not_avro(&name, error))?;
        let marker = head[head.len() - MARKER..].to_vec();
        let feed = Feed::default();
        feed.put(&head);
        let values = Reader::new(feed.clone()).map_err(|error| not_avro(&name, error))?;
        let from = part.at.map_or(part.start, |(byte, _)| byte);
        let stream = BufReader::with_capacity(256 << 10, Streamed(input.stream(from, part.end)?));
        let (schema, end) = (self.schema.clone(), part.end);
        let mut reader = PartAvro {
            name,
            marker,
            schema,
            values,
            feed,
            stream,
            end,
            byte: from,
            left: 0,
            emitted: 0,
            is_at_end: false,
            next: 0,
            row: PhantomData,
        };
        match part.at {
            Some((_, emitted)) => reader.go_on(emitted)?,
            None => reader.find()?,
        }
        Ok(reader)
    }
}

fn not_avro(name: &str, error: impl Into<BoxError>) -> Failure {
    Failure::user(format!("`{name}` is no Avro container file, or is cut off within its head"))
        .because(error)
        .advice("it must begin with Obj, 1 and its schema: write it again, or leave it out by the pattern of the path")
}

/// A stream as a plain reader.
struct Streamed(Box<dyn Stream>);

impl Read for Streamed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

/// What the library reads: the head, and then block after block as they are put here.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<(Vec<u8>, usize)>>);

impl Feed {
    fn put(&self, bytes: &[u8]) {
        let mut feed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = feed.1;
        feed.0.drain(..read);
        feed.1 = 0;
        feed.0.extend_from_slice(bytes);
    }
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut feed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, read) = &mut *feed;
        let count = into.len().min(bytes.len() - *read);
        into[..count].copy_from_slice(&bytes[*read..*read + count]);
        *read += count;
        Ok(count)
    }
}

/// Reads the records of a part.
pub struct PartAvro<T> {
    name: Arc<str>,
    marker: Vec<u8>,
    schema: Option<Arc<Schema>>,
    values: Reader<'static, Feed>,
    feed: Feed,
    stream: BufReader<Streamed>,
    end: Option<u64>,
    /// Where the block that is read begins; between blocks, where the next one does.
    byte: u64,
    /// How many of its records are still to come.
    left: u64,
    emitted: u64,
    is_at_end: bool,
    /// Where the next block begins.
    next: u64,
    row: PhantomData<fn() -> T>,
}

impl<T: Record + DeserializeOwned> PartAvro<T> {
    /// Begins behind the first marker of the part.
    fn find(&mut self) -> Result<()> {
        let found = behind_marker(&mut self.stream, &self.marker).map_err(|error| self.unreadable(error))?;
        match found {
            Some(passed) if self.end.is_none_or(|end| self.byte + passed < end) => {
                self.byte += passed + MARKER as u64;
                self.next = self.byte;
            }
            _ => self.is_at_end = true,
        }
        Ok(())
    }

    /// Goes on in the block at the position.
    fn go_on(&mut self, emitted: u64) -> Result<()> {
        self.next = self.byte;
        if emitted > 0 {
            self.begin()?;
            for _ in 0..emitted {
                self.value()?;
            }
        }
        Ok(())
    }

    /// Takes the next block.
    fn begin(&mut self) -> Result<()> {
        self.byte = self.next;
        self.emitted = 0;
        let marker_at = self.byte - MARKER as u64;
        if self.end.is_some_and(|end| marker_at >= end) {
            self.is_at_end = true;
            return Ok(());
        }
        match block(&mut self.stream, &self.marker).map_err(|error| self.unreadable(error))? {
            Some(block) => {
                self.next = self.byte + block.bytes.len() as u64;
                self.left = block.count;
                self.feed.put(&block.bytes);
            }
            None => self.is_at_end = true,
        }
        Ok(())
    }

    /// The next record of the block.
    fn value(&mut self) -> Result<T> {
        let at = self.emitted + 1;
        let fail = |what: String, error: BoxError| {
            Failure::user(what).because(error).advice(
                "mend the type of the program, or read with a schema that says how fields have changed: ReadAvro::with_schema",
            )
        };
        let place = || format!("record {at} of the block at byte {} of `{}`", self.byte, self.name);
        let value = match self.values.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(fail(format!("{} cannot be read", place()), error.into())),
            None => {
                return Err(Failure::user(format!("{} is not there", place()))
                    .advice("the file is damaged: write it again"));
            }
        };
        let value = match &self.schema {
            None => value,
            Some(schema) => value.resolve(schema).map_err(|error| {
                fail(format!("{} does not fit the schema that is asked for", place()), error.into())
            })?,
        };
        let record = from_value(&value).map_err(|error| {
            fail(format!("{} is no {}", place(), std::any::type_name::<T>()), error.into())
        })?;
        (self.emitted, self.left) = (at, self.left.saturating_sub(1));
        Ok(record)
    }

    fn unreadable(&self, error: io::Error) -> Failure {
        let what =
            format!("`{}` cannot be read in the block at byte {}", self.name, self.next.max(self.byte));
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Failure::user(what).because(error).advice(
                "the file is cut off or damaged, or was changed while it was read: write it again, under a name that was not \
                 read yet",
            ),
            _ => Failure::external(what).because(error),
        }
    }
}

impl<T: Record + DeserializeOwned> PartReader<T> for PartAvro<T> {
    fn read(&mut self, emit: &mut dyn FnMut(&mut Batch<T>) -> Result<()>) -> Result<bool> {
        if self.left == 0 && !self.is_at_end {
            self.begin()?;
        }
        if self.is_at_end {
            return Ok(false);
        }
        let first = self.emitted;
        let count = self.left.min(DEFAULT_BATCH as u64);
        let mut batch = Batch::with_capacity(count as usize);
        for _ in 0..count {
            batch.push(self.value()?);
        }
        let source = format!("{}, block at byte {}", self.name, self.byte);
        batch.set_origin(Some(Origin::new(source.into(), Unit::Record, first + 1, count as usize)));
        emit(&mut batch)?;
        Ok(true)
    }

    fn position(&self) -> Option<(u64, u64)> {
        match self.left {
            0 => Some((self.next, 0)),
            _ => Some((self.byte, self.emitted)),
        }
    }
}
