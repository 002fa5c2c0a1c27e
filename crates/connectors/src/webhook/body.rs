//! What is posted.
//!
//! Holds: a body has whole records, in their order.

use millstream_model::error::{BoxError, Result};

use super::settings::Format;

/// Makes the bytes of one record, or of all records of a request.
pub(super) type Encode<T> = dyn Fn(T, &mut Vec<u8>) -> Result<(), BoxError> + Send + Sync;
pub(super) type Compose<T> = dyn Fn(&[T]) -> Result<Vec<u8>, BoxError> + Send + Sync;

/// Records that are gathered for a request.
pub(super) struct Gathered {
    format: Format,
    pub(super) bytes: Vec<u8>,
    pub(super) records: u32,
}

impl Gathered {
    pub(super) fn new(format: Format) -> Self {
        Self { format, bytes: Vec::new(), records: 0 }
    }

    /// Puts one more.
    pub(super) fn put(&mut self, record: &[u8]) {
        if self.format == Format::JsonArray {
            self.bytes.push(if self.records == 0 { b'[' } else { b',' });
        }
        self.bytes.extend_from_slice(record);
        if self.format == Format::JsonLines {
            self.bytes.push(b'\n');
        }
        self.records += 1;
    }

    /// The whole body.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        if self.format == Format::JsonArray {
            self.bytes.push(b']');
        }
        self.records = 0;
        std::mem::take(&mut self.bytes)
    }
}
