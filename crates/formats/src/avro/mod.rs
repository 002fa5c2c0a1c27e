//! Avro: container files, which are blocks of records between sync markers with the schema that they were written with, and values
//! that stand for themselves (`value`).
//!
//! Answers for the frame of a file, for reading from any place of it on, and for the program's own types by serde. What a value looks
//! like in bytes is the library's (`apache-avro`).
//! Holds: a block belongs to the part of the file in which the sync marker before it begins; a file that is cut off within a block
//! is an error.

mod frame;
mod read;
mod resolution;
mod value;
mod walk;
mod write;

pub use read::{PartAvro, ReadAvro};
pub use value::{AvroEncode, AvroValues};
pub use write::{AvroCodec, AvroEncoder, WriteAvro};

use apache_avro::Schema;
use millstream_model::error::{Failure, Result};

/// A schema from its text.
fn schema(text: &str) -> Result<Schema> {
    Schema::parse_str(text).map_err(|error| {
        Failure::user("this is no Avro schema").because(error).advice(
            "give one as JSON: {\"type\": \"record\", \"name\": \"flight\", \"fields\": [{\"name\": \"delay\", \"type\": \"int\"}]}",
        )
    })
}
