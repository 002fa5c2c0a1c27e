//! Records of Kafka as an interpreter is given them: text, or bytes with their place for a schema of Python's.

use std::ops::Range;
use std::sync::Arc;

use millstream_connectors::kafka::{Decode, Message, Texts};
use millstream_model::error::BoxError;
use millstream_model::text::Text;

use super::super::chunked::Encoded;
use crate::column::Made;

/// Values as text; what is not UTF-8 becomes U+FFFD, as Java has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LossyTexts;

impl Decode for LossyTexts {
    type Record = Text;

    fn decode(&self, message: &Message<'_>) -> Result<Text, BoxError> {
        match message.value() {
            Some(value) => Ok(String::from_utf8_lossy(value).into()),
            None => Texts.decode(message),
        }
    }

    fn decode_run(&self, run: &[Message<'_>], into: &mut Vec<Text>) -> Result<(), BoxError> {
        let before = into.len();
        if Texts.decode_run(run, into).is_ok() {
            return Ok(());
        }
        into.truncate(before);
        run.iter().try_for_each(|message| {
            into.push(self.decode(message)?);
            Ok(())
        })
    }
}

/// Values as they are, each with its place, so that who cannot make anything of it says where it stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw;

/// A value: a part of what was fetched with it.
#[derive(Clone, Debug)]
pub(super) struct RawValue {
    run: Arc<Vec<u8>>,
    at: Range<usize>,
    /// Topic and partition, as people are told them.
    place: Arc<str>,
    offset: i64,
    is_deletion: bool,
}

impl Decode for Raw {
    type Record = RawValue;

    fn decode(&self, message: &Message<'_>) -> Result<RawValue, BoxError> {
        let mut one = Vec::with_capacity(1);
        self.decode_run(std::slice::from_ref(message), &mut one)?;
        one.pop().ok_or_else(|| "no record was decoded".into())
    }

    fn decode_run(&self, run: &[Message<'_>], into: &mut Vec<RawValue>) -> Result<(), BoxError> {
        let Some(first) = run.first() else { return Ok(()) };
        let place: Arc<str> = format!("topic {}, partition {}", first.topic(), first.partition()).into();
        let total = run.iter().filter_map(Message::value).map(<[u8]>::len).sum();
        let mut bytes = Vec::with_capacity(total);
        let mut values = Vec::with_capacity(run.len());
        for message in run {
            let start = bytes.len();
            bytes.extend_from_slice(message.value().unwrap_or_default());
            values.push((start..bytes.len(), message.offset(), message.value().is_none()));
        }
        let run = Arc::new(bytes);
        into.extend(values.into_iter().map(|(at, offset, is_deletion)| {
            let (run, place) = (run.clone(), place.clone());
            RawValue { run, at, place, offset, is_deletion }
        }));
        Ok(())
    }
}

impl RawValue {
    fn value(&self) -> &[u8] {
        self.run.get(self.at.clone()).unwrap_or_default()
    }
}

impl Encoded for RawValue {
    fn bytes(&self) -> usize {
        self.at.len() + self.place.len()
    }

    /// The value, its place, and its offset; a record that deletes its key has the offset `-1 - offset`.
    fn columns(records: &[Self]) -> Vec<Made<'_>> {
        let offset = |one: &Self| if one.is_deletion { -1 - one.offset } else { one.offset };
        vec![
            Made::Bytes(records.iter().map(RawValue::value).collect()),
            Made::Str(records.iter().map(|one| one.place.as_bytes()).collect()),
            Made::Int(records.iter().map(offset).collect()),
        ]
    }
}
