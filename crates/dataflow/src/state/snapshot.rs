//! What an operator hands over at a barrier: frozen parts that somebody else encodes.
//!
//! Answers for names, kinds and types of the parts and for the bytes of a key group: the number of its entries (4 bytes,
//! little endian), then the entries as one encoded stream. Not for freezing (`table`, `keyed`, `timers`).
//! Holds: a keyed part is `Send` and encodes one group at a time into one reused buffer.

use std::fmt;
use std::ops::ControlFlow;

use millstream_model::key::{KeyGroup, KeyGroupRange};
use serde::{Deserialize, Serialize};

use super::encoding::{Decoder, EncodeError, Encoder, TypeSignature};
use super::error::{GroupError, StateError};

/// What kind of keyed state it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateKind {
    /// One value per key.
    Value,
    /// A list per key.
    List,
    /// A map per key.
    Map,
    /// One value per key that what is added is reduced into.
    Reducing,
    /// An accumulator per key.
    Aggregating,
    /// One value per key, kept by an operator itself.
    Table,
    /// Timers in event time.
    EventTimers,
    /// Timers in processing time.
    ProcessingTimers,
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StateKind::Value => "a value state",
            StateKind::List => "a list state",
            StateKind::Map => "a map state",
            StateKind::Reducing => "a reducing state",
            StateKind::Aggregating => "an aggregating state",
            StateKind::Table => "a table",
            StateKind::EventTimers => "a set of event-time timers",
            StateKind::ProcessingTimers => "a set of processing-time timers",
        })
    }
}

/// What a manifest says about a keyed state, beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedMeta {
    /// Unique within the operator.
    pub name: String,
    /// What kind it is.
    pub kind: StateKind,
    /// The readable type: `u64 -> Delay`.
    #[serde(rename = "type")]
    pub signature: TypeSignature,
    /// Raised by the user when the type changes; an older program refuses a newer version.
    pub schema_version: u32,
}

impl KeyedMeta {
    /// The meta data of a state from `K` to `V`, of version 1.
    pub fn new<K, V>(name: impl Into<String>, kind: StateKind) -> Self {
        let (key, value) = (TypeSignature::of::<K>(), TypeSignature::of::<V>());
        let signature = TypeSignature { name: format!("{key} -> {value}"), shapes: Vec::new() };
        Self { name: name.into(), kind, signature, schema_version: 1 }
    }

    /// With another schema version.
    pub fn version(mut self, schema_version: u32) -> Self {
        self.schema_version = schema_version;
        self
    }
}

/// One key group's entries, encoded.
#[derive(Debug, Clone, Copy)]
pub struct EncodedGroup<'a> {
    /// The group.
    pub group: KeyGroup,
    /// How many entries the bytes hold; at least one.
    pub entries: u32,
    /// The bytes, valid during the call.
    pub bytes: &'a [u8],
}

/// Where the encoded groups go; it breaks off when it cannot take more, and knows why.
pub type GroupSink<'a> = dyn FnMut(EncodedGroup<'_>) -> ControlFlow<()> + 'a;

/// Appends a group's entries; gives their number.
type EncodeGroup = dyn FnMut(KeyGroup, &mut Encoder, &mut Vec<u8>) -> Result<u32, EncodeError> + Send;

/// A frozen keyed state.
pub struct KeyedPart {
    meta: KeyedMeta,
    range: KeyGroupRange,
    encode: Box<EncodeGroup>,
}

impl KeyedPart {
    /// A part whose groups `encode` appends entry by entry, giving the number of entries.
    pub fn new(
        meta: KeyedMeta,
        range: KeyGroupRange,
        encode: impl FnMut(KeyGroup, &mut Encoder, &mut Vec<u8>) -> Result<u32, EncodeError> + Send + 'static,
    ) -> Self {
        Self { meta, range, encode: Box::new(encode) }
    }

    /// Name, kind and type.
    pub fn meta(&self) -> &KeyedMeta {
        &self.meta
    }

    /// The groups it has been frozen for.
    pub fn range(&self) -> KeyGroupRange {
        self.range
    }

    /// Encodes group by group into `sink`, leaving out empty ones; gives the meta data with the shapes that were met.
    ///
    /// # Errors
    /// Where a value cannot be written. A sink that breaks off ends the encoding without an error.
    pub fn encode(mut self, sink: &mut GroupSink<'_>) -> Result<KeyedMeta, StateError> {
        let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
        for group in self.range.iter() {
            encoder.restart();
            bytes.clear();
            bytes.extend_from_slice(&[0; 4]);
            let entries = (self.encode)(group, &mut encoder, &mut bytes)
                .map_err(|source| StateError::Encode { name: self.meta.name.clone(), source })?;
            if entries == 0 {
                continue;
            }
            bytes[..4].copy_from_slice(&entries.to_le_bytes());
            self.meta.signature.learn(&encoder);
            if sink(EncodedGroup { group, entries, bytes: &bytes }).is_break() {
                break;
            }
        }
        Ok(self.meta)
    }
}

impl fmt::Debug for KeyedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedPart")
            .field("meta", &self.meta)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// How many entries the bytes of a group say that they hold; no more than could be in them, should they be damaged.
pub(super) fn announced(bytes: &[u8]) -> usize {
    let announced = bytes.first_chunk::<4>().map_or(0, |announced| u32::from_le_bytes(*announced));
    usize::try_from(announced).unwrap_or(usize::MAX).min(bytes.len())
}

/// Gives each entry of a group's `bytes` to `take`, which decodes it and says what is wrong with it.
pub(super) fn read_group(
    bytes: &[u8],
    mut take: impl FnMut(&mut Decoder, &mut &[u8], u64) -> Result<(), GroupError>,
) -> Result<(), GroupError> {
    let Some((announced, mut input)) = bytes.split_first_chunk::<4>() else {
        return Err(GroupError::Count { announced: 0 });
    };
    let announced = u32::from_le_bytes(*announced);
    let mut decoder = Decoder::new();
    for entry in 0..u64::from(announced) {
        take(&mut decoder, &mut input, entry)?;
    }
    if input.is_empty() { Ok(()) } else { Err(GroupError::Count { announced }) }
}

/// State that belongs to no key, such as a source's positions or a sink's transactions: entries that are redistributed
/// freely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorPart {
    /// Unique among the operator's operator states.
    pub name: String,
    /// The readable type of an entry.
    pub signature: TypeSignature,
    /// As [`KeyedMeta::schema_version`].
    pub schema_version: u32,
    /// The entries, each encoded as a stream of its own.
    pub entries: Vec<Vec<u8>>,
}

impl OperatorPart {
    /// Encodes `entries`; they are few, so it happens at once.
    ///
    /// # Errors
    /// Where an entry cannot be written.
    pub fn new<'a, T: Serialize + 'a>(
        name: impl Into<String>,
        schema_version: u32,
        entries: impl IntoIterator<Item = &'a T>,
    ) -> Result<Self, StateError> {
        let (name, mut signature, mut encoder) = (name.into(), TypeSignature::of::<T>(), Encoder::new());
        let mut encoded = Vec::new();
        for entry in entries {
            let mut bytes = Vec::new();
            encoder.restart();
            encoder
                .encode(entry, &mut bytes)
                .map_err(|source| StateError::Encode { name: name.clone(), source })?;
            signature.learn(&encoder);
            encoded.push(bytes);
        }
        Ok(Self { name, signature, schema_version, entries: encoded })
    }
}

/// Everything one operator of one subtask hands over at a barrier.
#[derive(Debug, Default)]
pub struct OperatorSnapshot {
    /// Keyed states and timers.
    pub keyed: Vec<KeyedPart>,
    /// Operator states.
    pub operator: Vec<OperatorPart>,
}

impl OperatorSnapshot {
    /// A snapshot of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the operator has no state at all.
    pub fn is_empty(&self) -> bool {
        self.keyed.is_empty() && self.operator.is_empty()
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
