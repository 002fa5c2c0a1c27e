//! Avro container files, as the format of a source and of a sink.
//!
//! ```no_run
//! use millstream_connectors::files::avro::{AvroCodec, AvroFiles, WriteAvro};
//! use millstream_connectors::files::sink::FileSink;
//!
//! #[derive(Clone, serde::Serialize, serde::Deserialize)]
//! struct Flight { carrier: String, delay: i32 }
//!
//! let flights = AvroFiles::<Flight>::avro("s3://flights/2013/*.avro");
//! let schema = r#"{"type": "record", "name": "flight", "fields": [
//!     {"name": "carrier", "type": "string"}, {"name": "delay", "type": "int"}]}"#;
//! let sink = FileSink::<Flight, _>::of("out", WriteAvro::<Flight>::of(schema)?.codec(AvroCodec::Snappy));
//! # Ok::<(), millstream_model::error::Failure>(())
//! ```

pub use millstream_formats::avro::{AvroCodec, ReadAvro, WriteAvro};

use super::FileSource;

/// The records of Avro container files, each as a `T`.
pub type AvroFiles<T> = FileSource<ReadAvro<T>>;

impl<T> FileSource<ReadAvro<T>> {
    /// The records as the schema of each file has them. To read them by a schema of one's own:
    /// `FileSource::of(path, ReadAvro::with_schema(json)?)`.
    pub fn avro(path: impl Into<String>) -> Self {
        Self::of(path, ReadAvro::default())
    }
}

#[cfg(test)]
mod tests;
