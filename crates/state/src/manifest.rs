//! What a checkpoint consists of.
//!
//! Answers for the manifest's contents and its text: one JSON object with the format's version, a checksum, and the
//! manifest itself, whose text the checksum is of.
//! Holds: a text that was cut short or changed anywhere is refused; a later format is recognised as such, whatever else
//! it has.

use millstream_dataflow::state::encoding::TypeSignature;
use millstream_dataflow::state::snapshot::KeyedMeta;
use millstream_model::key::MaxParallelism;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::StoreError;
use crate::name::CheckpointName;
use crate::write::SubtaskState;

/// The version of the manifest and of the state files.
pub const FORMAT_VERSION: u32 = 1;

const FORMAT: &str = "millstream checkpoint";

/// The job that wrote a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEntry {
    /// The job's name.
    pub name: String,
    /// What the job's graph amounts to; equal for the same program.
    pub fingerprint: String,
    /// The run of the job that wrote it, where a cluster gave it a name: whoever takes the run over goes on from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// Everything that belongs to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Number and kind.
    pub checkpoint: CheckpointName,
    /// Who wrote it.
    pub job: JobEntry,
    /// When it was begun, in milliseconds since 1970.
    pub time: u64,
    /// All operators of the job, also those without state.
    pub operators: Vec<OperatorEntry>,
    /// What sinks have staged and are to commit now, and again after a restore.
    pub committables: Vec<Committable>,
}

/// One operator and where its state lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorEntry {
    /// Finds the operator again in a changed program.
    pub uid: String,
    /// For people.
    pub name: String,
    /// How many subtasks it had.
    pub parallelism: u16,
    /// How many key groups its state is divided into.
    pub max_parallelism: MaxParallelism,
    /// Its keyed states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyed: Vec<KeyedEntry>,
    /// Its operator states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operator: Vec<OperatorStateEntry>,
}

impl OperatorEntry {
    /// An operator without state so far.
    pub fn new(
        uid: impl Into<String>,
        name: impl Into<String>,
        parallelism: u16,
        max_parallelism: MaxParallelism,
    ) -> Self {
        let (uid, name) = (uid.into(), name.into());
        Self { uid, name, parallelism, max_parallelism, keyed: Vec::new(), operator: Vec::new() }
    }

    /// Whether it has any.
    pub fn has_state(&self) -> bool {
        !self.keyed.is_empty() || !self.operator.is_empty()
    }
}

/// A keyed state and where its groups lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedEntry {
    /// Name, kind, type, version.
    #[serde(flatten)]
    pub meta: KeyedMeta,
    /// The size of all groups.
    pub bytes: u64,
    /// The number of keys (or timers).
    pub entries: u64,
    /// The files, one per subtask that had keys.
    pub files: Vec<KeyedFile>,
}

/// The groups of a state that lie in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedFile {
    /// From the checkpoint folder on.
    pub file: String,
    /// In the order of groups, which is that of their places.
    pub groups: Vec<GroupPlace>,
}

/// Where one key group lies in its file: written as `[group, offset, length, entries, checksum]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u16, u64, u64, u32, u32)", into = "(u16, u64, u64, u32, u32)")]
pub struct GroupPlace {
    /// The group.
    pub group: u16,
    /// How many entries it has.
    pub entries: u32,
    /// Where it lies.
    pub place: Place,
}

impl From<(u16, u64, u64, u32, u32)> for GroupPlace {
    fn from((group, offset, length, entries, checksum): (u16, u64, u64, u32, u32)) -> Self {
        Self { group, entries, place: Place { offset, length, checksum } }
    }
}

impl From<GroupPlace> for (u16, u64, u64, u32, u32) {
    fn from(GroupPlace { group, entries, place }: GroupPlace) -> Self {
        (group, place.offset, place.length, entries, place.checksum)
    }
}

/// A run of bytes in a file: written as `[offset, length, checksum]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u32)", into = "(u64, u64, u32)")]
pub struct Place {
    /// The first byte.
    pub offset: u64,
    /// The number of bytes.
    pub length: u64,
    /// The CRC-32 of the bytes.
    pub checksum: u32,
}

impl From<(u64, u64, u32)> for Place {
    fn from((offset, length, checksum): (u64, u64, u32)) -> Self {
        Self { offset, length, checksum }
    }
}

impl From<Place> for (u64, u64, u32) {
    fn from(place: Place) -> Self {
        (place.offset, place.length, place.checksum)
    }
}

/// An operator state and where its entries lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorStateEntry {
    /// The state's name.
    pub name: String,
    /// The readable type of an entry.
    #[serde(rename = "type")]
    pub signature: TypeSignature,
    /// As declared.
    pub schema_version: u32,
    /// The files, one per subtask that had entries.
    pub files: Vec<OperatorFile>,
}

/// The entries of an operator state that lie in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorFile {
    /// From the checkpoint folder on.
    pub file: String,
    /// The entries.
    pub entries: Vec<Place>,
}

/// Something a sink has staged, to be committed once the manifest is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committable {
    /// The sink.
    pub uid: String,
    /// Which of its subtasks.
    pub subtask: u16,
    /// What the sink's committer understands; in hexadecimal in the manifest.
    #[serde(with = "hexadecimal")]
    pub data: Vec<u8>,
}

impl Manifest {
    /// Adds what a subtask has written.
    ///
    /// # Errors
    /// Where it has state of an operator that the manifest does not list, which would be lost.
    pub fn add(&mut self, state: SubtaskState) -> Result<(), StoreError> {
        for written in state.operators {
            let Some(operator) = self.operators.iter_mut().find(|operator| operator.uid == written.uid)
            else {
                return Err(StoreError::UnlistedOperator { uid: written.uid });
            };
            for keyed in written.keyed {
                match operator.keyed.iter_mut().find(|known| known.meta.name == keyed.meta.name) {
                    Some(known) => {
                        known.bytes += keyed.bytes;
                        known.entries += keyed.entries;
                        known.files.extend(keyed.files);
                        let shapes = &mut known.meta.signature.shapes;
                        let new =
                            keyed.meta.signature.shapes.into_iter().filter(|shape| !shapes.contains(shape));
                        let new: Vec<String> = new.collect();
                        shapes.extend(new);
                    }
                    None => operator.keyed.push(keyed),
                }
            }
            for state in written.operator {
                match operator.operator.iter_mut().find(|known| known.name == state.name) {
                    Some(known) => known.files.extend(state.files),
                    None => operator.operator.push(state),
                }
            }
        }
        self.committables.extend(state.committables);
        Ok(())
    }

    /// The operator of this uid.
    pub fn operator(&self, uid: &str) -> Option<&OperatorEntry> {
        self.operators.iter().find(|operator| operator.uid == uid)
    }

    /// The files the manifest reaches, from the checkpoint folder on.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.operators.iter().flat_map(|operator| {
            let keyed = operator.keyed.iter().flat_map(|state| &state.files).map(|file| file.file.as_str());
            keyed
                .chain(operator.operator.iter().flat_map(|state| &state.files).map(|file| file.file.as_str()))
        })
    }

    pub(crate) fn to_text(&self) -> Result<String, serde_json::Error> {
        to_envelope(FORMAT, FORMAT_VERSION, self)
    }

    pub(crate) fn from_text(text: &[u8]) -> Result<Self, ManifestFault> {
        from_envelope(FORMAT, FORMAT_VERSION, text)
    }
}

/// The text of a value with its format, the format's version and a checksum.
pub(crate) fn to_envelope<T: Serialize>(
    format: &str,
    format_version: u32,
    value: &T,
) -> Result<String, serde_json::Error> {
    let manifest = RawValue::from_string(serde_json::to_string(value)?)?;
    let checksum = format!("{:08x}", crc32fast::hash(manifest.get().as_bytes()));
    serde_json::to_string(&Envelope { format: format.into(), format_version, checksum, manifest })
}

/// What [`to_envelope`] wrote, in this version or an earlier one.
pub(crate) fn from_envelope<T: DeserializeOwned>(
    format: &str,
    format_version: u32,
    text: &[u8],
) -> Result<T, ManifestFault> {
    let damaged = |error: serde_json::Error| ManifestFault::Damaged(error.to_string());
    let head: Head = serde_json::from_slice(text).map_err(damaged)?;
    if head.format != format {
        return Err(ManifestFault::Damaged(format!("its format is `{}`, not `{format}`", head.format)));
    }
    if head.format_version > format_version {
        return Err(ManifestFault::Newer(head.format_version));
    }
    let envelope: Envelope = serde_json::from_slice(text).map_err(damaged)?;
    let checksum = format!("{:08x}", crc32fast::hash(envelope.manifest.get().as_bytes()));
    if checksum != envelope.checksum {
        let reason = format!("its checksum is {checksum} and should be {}", envelope.checksum);
        return Err(ManifestFault::Damaged(reason));
    }
    serde_json::from_str(envelope.manifest.get()).map_err(damaged)
}

/// Why a text is no manifest.
pub(crate) enum ManifestFault {
    Damaged(String),
    Newer(u32),
}

/// What every format has.
#[derive(Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    format: String,
    format_version: u32,
    checksum: String,
    manifest: Box<RawValue>,
}

mod hexadecimal {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        let digits = digits.ok_or_else(|| D::Error::custom("expected hexadecimal digits"))?;
        let (pairs, []) = digits.as_chunks::<2>() else {
            return Err(D::Error::custom("expected an even number of hexadecimal digits"));
        };
        Ok(pairs.iter().map(|[high, low]| high * 16 + low).collect())
    }
}
