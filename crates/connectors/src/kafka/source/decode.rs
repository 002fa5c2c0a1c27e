//! Records of Kafka into records of a job.
//!
//! Answers for each format, and for what the user can choose of records that are none. Not for carrying that choice out.

use std::fmt;
use std::marker::PhantomData;

use millstream_dataflow::operator::Rejected;
#[cfg(feature = "avro")]
use millstream_formats::avro::AvroValues;
use millstream_formats::rows::CsvValues;
use millstream_model::error::{BoxError, Position, Unit};
use millstream_model::record::Record;
use millstream_model::text::Text;
use millstream_model::time::Timestamp;
use serde::de::DeserializeOwned;

use super::record::KafkaRecord;
use crate::kafka::native::Message;

/// What becomes of a record that cannot be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPoison {
    /// The job fails with topic, partition and offset.
    #[default]
    Fail,
    /// The record is left out and counted.
    Skip,
}

/// Makes a record of the job out of one of Kafka.
pub trait Decode: Clone + Send + Sync + 'static {
    /// What it makes.
    type Record: Record;

    /// Decodes one record.
    ///
    /// # Errors
    /// If it is none; what becomes of it is the choice of [`OnPoison`].
    fn decode(&self, message: &Message<'_>) -> Result<Self::Record, BoxError>;

    /// The event time of a record that was decoded: Kafka's, unless something else is said.
    fn time(&self, record: &Self::Record, message: &Message<'_>) -> Option<Timestamp> {
        let _ = record;
        message.time()
    }

    /// Decodes records of one partition, as far as that is possible: those that were decoded are behind what `into` held.
    ///
    /// # Errors
    /// That of the first record that is none; those before it are decoded.
    fn decode_run(&self, run: &[Message<'_>], into: &mut Vec<Self::Record>) -> Result<(), BoxError> {
        for message in run {
            into.push(self.decode(message)?);
        }
        Ok(())
    }
}

fn value<'a>(message: &Message<'a>) -> Result<&'a [u8], BoxError> {
    message.value().ok_or_else(|| "the record has no value (it says that its key is deleted)".into())
}

/// The value as [`Text`], checked to be UTF-8. Texts of one fetch are views into one buffer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts;

impl Decode for Texts {
    type Record = Text;

    fn decode(&self, message: &Message<'_>) -> Result<Text, BoxError> {
        Ok(Text::from_utf8(value(message)?)?)
    }

    fn decode_run(&self, run: &[Message<'_>], into: &mut Vec<Text>) -> Result<(), BoxError> {
        let one_by_one = |into: &mut Vec<Text>| {
            run.iter().try_for_each(|message| {
                into.push(self.decode(message)?);
                Ok(())
            })
        };
        let total = run.iter().map(|message| message.value().map_or(0, <[u8]>::len)).sum();
        let mut bytes = Vec::with_capacity(total);
        for message in run {
            match message.value() {
                Some(value) => bytes.extend_from_slice(value),
                None => return one_by_one(into),
            }
        }
        // Checked as a whole: what is cut out at a character's boundary is then text too.
        let Ok(all) = Text::from_utf8(&bytes) else { return one_by_one(into) };
        let before = into.len();
        let mut at = 0;
        for message in run {
            let end = at + message.value().map_or(0, <[u8]>::len);
            let Some(text) = all.get(at..end) else {
                into.truncate(before);
                return one_by_one(into);
            };
            into.push(text);
            at = end;
        }
        Ok(())
    }
}

/// The value, as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes;

impl Decode for Bytes {
    type Record = Vec<u8>;

    fn decode(&self, message: &Message<'_>) -> Result<Vec<u8>, BoxError> {
        Ok(value(message)?.to_vec())
    }
}

/// All that Kafka keeps of a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Records;

impl Decode for Records {
    type Record = KafkaRecord;

    fn decode(&self, message: &Message<'_>) -> Result<KafkaRecord, BoxError> {
        Ok(message.into())
    }
}

/// The value as JSON, into any type that serde knows to read.
pub struct Json<T>(pub(in crate::kafka) PhantomData<fn() -> T>);

impl<T> Clone for Json<T> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<T: Record + DeserializeOwned> Decode for Json<T> {
    type Record = T;

    fn decode(&self, message: &Message<'_>) -> Result<T, BoxError> {
        Ok(serde_json::from_slice(value(message)?)?)
    }
}

/// The value as one row of CSV, into any type that serde knows to read.
pub struct CsvRow<T>(pub(in crate::kafka) CsvValues, pub(in crate::kafka) PhantomData<fn() -> T>);

impl<T> Clone for CsvRow<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<T> fmt::Debug for CsvRow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CsvRow").field(&self.0).finish()
    }
}

impl<T: Record + DeserializeOwned> Decode for CsvRow<T> {
    type Record = T;

    fn decode(&self, message: &Message<'_>) -> Result<T, BoxError> {
        Ok(self.0.read(value(message)?)?)
    }
}

/// The value as Avro, into any type that serde knows to read.
#[cfg(feature = "avro")]
pub struct Avro<T>(pub(in crate::kafka) AvroValues, pub(in crate::kafka) PhantomData<fn() -> T>);

#[cfg(feature = "avro")]
impl<T> Clone for Avro<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

#[cfg(feature = "avro")]
impl<T> fmt::Debug for Avro<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Avro")
    }
}

#[cfg(feature = "avro")]
impl<T: Record + DeserializeOwned> Decode for Avro<T> {
    type Record = T;

    fn decode(&self, message: &Message<'_>) -> Result<T, BoxError> {
        Ok(self.0.read(value(message)?)?)
    }
}

/// What a function makes of a record.
#[derive(Clone)]
pub struct FromFn<F>(pub(in crate::kafka) F);

impl<F, T> Decode for FromFn<F>
where
    T: Record,
    F: Fn(&Message<'_>) -> Result<T, BoxError> + Clone + Send + Sync + 'static,
{
    type Record = T;

    fn decode(&self, message: &Message<'_>) -> Result<T, BoxError> {
        (self.0)(message)
    }
}

/// What another decoder makes of a record, or the record as it came, with the error.
#[derive(Clone, Debug)]
pub struct OrRejected<D>(pub(in crate::kafka) D);

impl<D: Decode> Decode for OrRejected<D> {
    type Record = Result<D::Record, Rejected<KafkaRecord>>;

    fn decode(&self, message: &Message<'_>) -> Result<Self::Record, BoxError> {
        Ok(self.0.decode(message).map_err(|error| Rejected {
            record: message.into(),
            error: error.to_string(),
            position: Some(position(message)),
        }))
    }

    fn time(&self, record: &Self::Record, message: &Message<'_>) -> Option<Timestamp> {
        record.as_ref().map_or_else(|_| message.time(), |record| self.0.time(record, message))
    }
}

/// What another decoder makes of a record, with a time of its own.
#[derive(Clone)]
pub struct Timed<D, F> {
    pub(in crate::kafka) decode: D,
    pub(in crate::kafka) time: F,
}

impl<D, F> Decode for Timed<D, F>
where
    D: Decode,
    F: Fn(&D::Record) -> Timestamp + Clone + Send + Sync + 'static,
{
    type Record = D::Record;

    fn decode(&self, message: &Message<'_>) -> Result<D::Record, BoxError> {
        self.decode.decode(message)
    }

    fn time(&self, record: &D::Record, _: &Message<'_>) -> Option<Timestamp> {
        Some((self.time)(record))
    }

    fn decode_run(&self, run: &[Message<'_>], into: &mut Vec<D::Record>) -> Result<(), BoxError> {
        self.decode.decode_run(run, into)
    }
}

/// Where a record stands: topic, partition, offset.
pub(in crate::kafka) fn position(message: &Message<'_>) -> Position {
    let source = format!("topic {}, partition {}", message.topic(), message.partition()).into();
    let offset = message.offset().unsigned_abs();
    Position { source, unit: Unit::Offset, first: offset, last: offset }
}

impl<T> fmt::Debug for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Json")
    }
}
