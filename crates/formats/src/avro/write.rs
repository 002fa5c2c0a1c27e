//! Writing container files.

use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::sync::Arc;

use apache_avro::{Codec, DeflateSettings, Schema, write_avro_datum_ref};
use millstream_model::error::{Failure, Result};
use serde::Serialize;

use super::frame::{MARKER, put_bytes, put_long};
use crate::compression::Compression;
use crate::file::{FileEncoder, WriteFormat};

/// How many bytes of records a block has, about.
const BLOCK: usize = 64 << 10;

/// How blocks are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AvroCodec {
    /// Not at all.
    #[default]
    Null,
    /// With deflate.
    Deflate,
    /// With snappy.
    Snappy,
}

impl AvroCodec {
    fn codec(self) -> Codec {
        match self {
            Self::Null => Codec::Null,
            Self::Deflate => Codec::Deflate(DeflateSettings::default()),
            Self::Snappy => Codec::Snappy,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
        }
    }
}

/// Records as Avro container files of a schema.
#[derive(Debug)]
pub struct WriteAvro<T> {
    schema: Arc<Schema>,
    codec: AvroCodec,
    row: PhantomData<fn(T)>,
}

impl<T> Clone for WriteAvro<T> {
    fn clone(&self) -> Self {
        Self { schema: self.schema.clone(), codec: self.codec, row: PhantomData }
    }
}

impl<T> WriteAvro<T> {
    /// Files of a schema, which is given as JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn of(schema: &str) -> Result<Self> {
        Ok(Self { schema: Arc::new(super::schema(schema)?), codec: AvroCodec::default(), row: PhantomData })
    }

    /// How blocks are compressed; not at all if nothing else is said.
    #[must_use]
    pub fn codec(mut self, codec: AvroCodec) -> Self {
        self.codec = codec;
        self
    }
}

impl<T: Serialize + 'static> WriteFormat<T> for WriteAvro<T> {
    type Encoder = AvroEncoder;

    fn sink_name(&self) -> &'static str {
        "AvroFilesSink"
    }

    fn ending(&self) -> &'static str {
        "avro"
    }

    fn check(&self, compression: Compression) -> Result<()> {
        if compression != Compression::Plain {
            return Err(Failure::user("an Avro file is not compressed as a whole, but block by block")
                .advice("leave compress() out, and give WriteAvro::of(..)?.codec(AvroCodec::Snappy)"));
        }
        Ok(())
    }

    /// Each file has a marker of its own.
    fn can_be_joined(&self) -> bool {
        false
    }

    fn begin(&self) -> Result<AvroEncoder> {
        // The state is random anew each time.
        let mut marker = [0; MARKER];
        for half in marker.chunks_mut(MARKER / 2) {
            half.copy_from_slice(&RandomState::new().hash_one("marker").to_le_bytes());
        }
        Ok(AvroEncoder {
            schema: self.schema.clone(),
            codec: self.codec,
            marker,
            block: Vec::new(),
            count: 0,
        })
    }
}

/// Writes records into one file.
pub struct AvroEncoder {
    schema: Arc<Schema>,
    codec: AvroCodec,
    marker: [u8; MARKER],
    block: Vec<u8>,
    count: i64,
}

impl AvroEncoder {
    fn end_block(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let compressed = self.codec.codec().compress(&mut self.block);
        compressed.map_err(|error| {
            Failure::internal("a block of an Avro file cannot be compressed").because(error)
        })?;
        put_long(self.count, out);
        put_bytes(&self.block, out);
        out.extend_from_slice(&self.marker);
        self.block.clear();
        self.count = 0;
        Ok(())
    }
}

impl<T: Serialize> FileEncoder<T> for AvroEncoder {
    fn head(&mut self, _: &T, out: &mut Vec<u8>) -> Result<()> {
        let schema = serde_json::to_string(&*self.schema)
            .map_err(|error| Failure::internal("a schema cannot be written").because(error))?;
        out.extend_from_slice(b"Obj\x01");
        put_long(2, out);
        put_bytes(b"avro.schema", out);
        put_bytes(schema.as_bytes(), out);
        put_bytes(b"avro.codec", out);
        put_bytes(self.codec.name().as_bytes(), out);
        put_long(0, out);
        out.extend_from_slice(&self.marker);
        Ok(())
    }

    fn add(&mut self, record: T, out: &mut Vec<u8>) -> Result<()> {
        let begun = self.block.len();
        if let Err(error) = write_avro_datum_ref(&self.schema, &record, &mut self.block) {
            self.block.truncate(begun);
            let what =
                format!("a record of type {} does not fit the Avro schema", std::any::type_name::<T>());
            return Err(Failure::user(what)
                .because(error)
                .advice(format!("the schema is {}", self.schema.canonical_form())));
        }
        self.count += 1;
        if self.block.len() >= BLOCK { self.end_block(out) } else { Ok(()) }
    }

    fn held(&self) -> u64 {
        self.block.len() as u64
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.end_block(out)
    }
}
