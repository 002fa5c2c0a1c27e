//! A batch of columns as a record of a stream.

use std::ops::Deref;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use serde::de::Visitor;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An Arrow batch that can go between processes and into state: there it is Arrow's own stream format, with its schema. To
/// functions it is the batch.
///
/// ```
/// use std::sync::Arc;
/// use millstream_formats::columns::{ArrowBatch, RecordBatch, arrow_array::Int32Array};
/// let column = Arc::new(Int32Array::from(vec![1, 2, 3])) as _;
/// let batch = ArrowBatch(RecordBatch::try_from_iter([("n", column)]).unwrap());
/// assert_eq!((batch.num_rows(), batch.num_columns()), (3, 1));
/// let json = serde_json::to_string(&batch).unwrap();
/// assert_eq!(serde_json::from_str::<ArrowBatch>(&json).unwrap(), batch);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ArrowBatch(pub RecordBatch);

impl Deref for ArrowBatch {
    type Target = RecordBatch;

    fn deref(&self) -> &RecordBatch {
        &self.0
    }
}

impl From<RecordBatch> for ArrowBatch {
    fn from(batch: RecordBatch) -> Self {
        Self(batch)
    }
}

impl From<ArrowBatch> for RecordBatch {
    fn from(batch: ArrowBatch) -> Self {
        batch.0
    }
}

impl Serialize for ArrowBatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        let written = StreamWriter::try_new(&mut bytes, self.0.schema_ref())
            .and_then(|mut writer| writer.write(&self.0).and_then(|()| writer.finish()));
        written.map_err(S::Error::custom)?;
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for ArrowBatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Stream)
    }
}

/// Reads what was written.
struct Stream;

impl<'de> Visitor<'de> for Stream {
    type Value = ArrowBatch;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a batch in Arrow's stream format")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<ArrowBatch, E> {
        let mut batches = StreamReader::try_new(bytes, None).map_err(E::custom)?;
        match batches.next() {
            Some(batch) => batch.map(ArrowBatch).map_err(E::custom),
            None => Err(E::custom("a stream of Arrow without a batch")),
        }
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut sequence: A) -> Result<ArrowBatch, A::Error> {
        let mut bytes = Vec::with_capacity(sequence.size_hint().unwrap_or(0).min(1 << 20));
        while let Some(byte) = sequence.next_element()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int32Array, StringArray};

    use super::*;

    #[test]
    fn a_batch_comes_back_with_its_schema_a_slice_of_one_and_an_empty_one_too() {
        let numbers = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])) as _;
        let texts = Arc::new(StringArray::from(vec!["a", "", "ü"])) as _;
        let whole = RecordBatch::try_from_iter([("n", numbers), ("text", texts)]).unwrap();
        for batch in [whole.clone(), whole.slice(1, 2), whole.slice(0, 0)] {
            let batch = ArrowBatch(batch);
            let json = serde_json::to_vec(&batch).unwrap();
            assert_eq!(serde_json::from_slice::<ArrowBatch>(&json).unwrap(), batch);
        }
    }

    #[test]
    fn what_is_no_batch_is_an_error() {
        for bytes in ["[]", "[1, 2, 3]", "\"text\""] {
            assert!(serde_json::from_str::<ArrowBatch>(bytes).is_err(), "{bytes}");
        }
    }
}
