//! What an operator is given back: its states' bytes, by name and key group.
//!
//! Answers for matching what the program declares with what the checkpoint has (name, kind, version, type), and for
//! knowing what nobody asked for. Not for reading files (crate `millstream-state`).
//! Holds: a state is claimed once; what was neither claimed nor asked for in vain is listed.

use std::fmt;

use millstream_model::key::{KeyGroup, KeyGroupRange};
use serde::de::DeserializeOwned;

use super::encoding::{TypeSignature, from_bytes};
use super::error::{GroupError, StateError};
use super::snapshot::{KeyedMeta, OperatorPart, OperatorSnapshot};

/// A keyed state of the checkpoint: the groups of this subtask's range.
#[derive(Debug, Clone)]
pub struct KeyedBytes {
    /// Name, kind and type as written.
    pub meta: KeyedMeta,
    /// The bytes of each group that has entries.
    pub groups: Vec<(KeyGroup, Vec<u8>)>,
}

/// How the entries of an operator state are shared out among the subtasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redistribution {
    /// Each entry goes to one subtask, in turn.
    Split,
    /// Each entry goes to every subtask.
    Union,
}

/// A state of the checkpoint that the program has not asked for, or the reverse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateName {
    /// The state's name.
    pub name: String,
    /// What it is, readable: `a value state of type u64 -> Delay`.
    pub description: String,
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.description)
    }
}

impl StateName {
    fn keyed(meta: &KeyedMeta) -> Self {
        Self { name: meta.name.clone(), description: format!("{} of type {}", meta.kind, meta.signature) }
    }

    fn operator(name: &str, signature: &TypeSignature) -> Self {
        Self { name: name.to_owned(), description: format!("operator state of type {signature}") }
    }
}

/// The state of one operator for one subtask.
#[derive(Debug, Default)]
pub struct OperatorRestore {
    subtask: u16,
    parallelism: u16,
    keyed: Vec<KeyedBytes>,
    operator: Vec<OperatorPart>,
    absent: Vec<StateName>,
}

impl OperatorRestore {
    /// For an operator that starts without state.
    pub fn empty() -> Self {
        Self::default()
    }

    /// For `subtask` (from 0) out of `parallelism`: the keyed states cut to its range of groups, and *all* entries of
    /// the operator states, in the order of the subtasks that wrote them.
    pub fn new(subtask: u16, parallelism: u16, keyed: Vec<KeyedBytes>, operator: Vec<OperatorPart>) -> Self {
        Self { subtask, parallelism, keyed, operator, absent: Vec::new() }
    }

    /// Encodes the snapshots of all subtasks of an operator and cuts them for `subtask`, without a store in between.
    ///
    /// # Errors
    /// Where a value cannot be written.
    pub fn of(
        snapshots: Vec<OperatorSnapshot>,
        subtask: u16,
        parallelism: u16,
        range: KeyGroupRange,
    ) -> Result<Self, StateError> {
        let mut restore = Self { subtask, parallelism, ..Self::default() };
        for snapshot in snapshots {
            for part in snapshot.keyed {
                let mut groups = Vec::new();
                let meta = part.encode(&mut |encoded| {
                    if range.contains(encoded.group) {
                        groups.push((encoded.group, encoded.bytes.to_vec()));
                    }
                    std::ops::ControlFlow::Continue(())
                })?;
                restore.add_keyed(KeyedBytes { meta, groups });
            }
            for part in snapshot.operator {
                restore.add_operator(part);
            }
        }
        Ok(restore)
    }

    /// Adds groups to a state, or the state where it is new.
    pub fn add_keyed(&mut self, bytes: KeyedBytes) {
        match self.keyed.iter_mut().find(|known| known.meta.name == bytes.meta.name) {
            Some(known) => known.groups.extend(bytes.groups),
            None => self.keyed.push(bytes),
        }
    }

    /// Adds entries to an operator state, or the state where it is new.
    pub fn add_operator(&mut self, part: OperatorPart) {
        match self.operator.iter_mut().find(|known| known.name == part.name) {
            Some(known) => known.entries.extend(part.entries),
            None => self.operator.push(part),
        }
    }

    /// Whether there is nothing (left) to restore.
    pub fn is_empty(&self) -> bool {
        self.keyed.is_empty() && self.operator.is_empty()
    }

    /// Takes out the keyed state that the program declares as `meta`; none where the checkpoint has none of that name.
    ///
    /// # Errors
    /// Where the checkpoint has it as another kind, or in a newer version.
    pub fn claim_keyed(&mut self, meta: &KeyedMeta) -> Result<Option<ClaimedState>, StateError> {
        let claimed = self.claim_keyed_if_present(meta)?;
        if claimed.is_none() {
            self.absent.push(StateName::keyed(meta));
        }
        Ok(claimed)
    }

    /// As [`OperatorRestore::claim_keyed`] for a state that is only written where it holds something.
    ///
    /// # Errors
    /// As there.
    pub fn claim_keyed_if_present(&mut self, meta: &KeyedMeta) -> Result<Option<ClaimedState>, StateError> {
        let Some(index) = self.keyed.iter().position(|state| state.meta.name == meta.name) else {
            return Ok(None);
        };
        let written = &self.keyed[index].meta;
        if written.kind != meta.kind {
            return Err(StateError::Kind {
                name: meta.name.clone(),
                in_checkpoint: written.kind,
                in_program: meta.kind,
            });
        }
        check_version(&meta.name, written.schema_version, meta.schema_version)?;
        let KeyedBytes { meta: written, groups } = self.keyed.swap_remove(index);
        Ok(Some(ClaimedState { declared: meta.clone(), written, groups }))
    }

    /// Takes out this subtask's entries of an operator state; none at all where the checkpoint has none of that name.
    ///
    /// # Errors
    /// Where it was written in a newer version, or an entry is of another type than `T`.
    pub fn claim_operator<T: DeserializeOwned>(
        &mut self,
        name: &str,
        schema_version: u32,
        how: Redistribution,
    ) -> Result<Vec<T>, StateError> {
        let Some(index) = self.operator.iter().position(|state| state.name == name) else {
            self.absent.push(StateName::operator(name, &TypeSignature::of::<T>()));
            return Ok(Vec::new());
        };
        check_version(name, self.operator[index].schema_version, schema_version)?;
        let part = self.operator.swap_remove(index);
        let mine = |entry: &usize| match how {
            Redistribution::Union => true,
            Redistribution::Split => {
                *entry % usize::from(self.parallelism.max(1)) == usize::from(self.subtask)
            }
        };
        let read = |entry: usize| {
            from_bytes(&part.entries[entry]).map_err(|source| StateError::EntryType {
                name: name.to_owned(),
                in_checkpoint: part.signature.name.clone(),
                in_program: TypeSignature::of::<T>().name,
                entry,
                source,
            })
        };
        (0..part.entries.len()).filter(mine).map(read).collect()
    }

    /// The entries of an operator state as they were written, all of them, without reading what is in them.
    pub fn claim_entries(&mut self, name: &str) -> Vec<Vec<u8>> {
        match self.operator.iter().position(|state| state.name == name) {
            Some(index) => self.operator.swap_remove(index).entries,
            None => Vec::new(),
        }
    }

    /// The states of the checkpoint that nobody has claimed.
    pub fn unclaimed(&self) -> Vec<StateName> {
        let keyed = self.keyed.iter().map(|state| StateName::keyed(&state.meta));
        keyed
            .chain(self.operator.iter().map(|part| StateName::operator(&part.name, &part.signature)))
            .collect()
    }

    /// The states of the program that the checkpoint has not; they start empty.
    pub fn absent(&self) -> &[StateName] {
        &self.absent
    }
}

fn check_version(name: &str, in_checkpoint: u32, in_program: u32) -> Result<(), StateError> {
    if in_checkpoint > in_program {
        return Err(StateError::NewerSchema { name: name.to_owned(), in_checkpoint, in_program });
    }
    Ok(())
}

/// A keyed state that was found, ready to be read.
#[derive(Debug)]
pub struct ClaimedState {
    declared: KeyedMeta,
    written: KeyedMeta,
    groups: Vec<(KeyGroup, Vec<u8>)>,
}

impl ClaimedState {
    /// Gives each group's bytes to `read`, letting go of them one by one.
    ///
    /// # Errors
    /// What `read` says, with the state's name and both types.
    pub fn read(
        self,
        mut read: impl FnMut(KeyGroup, &[u8]) -> Result<(), GroupError>,
    ) -> Result<(), StateError> {
        let Self { declared, written, groups } = self;
        for (group, bytes) in groups {
            read(group, &bytes).map_err(|source| match source {
                GroupError::Foreign(foreign) => StateError::Foreign(foreign),
                GroupError::Decode { source: ref reason, .. } if !reason.is_corruption() => {
                    StateError::Type {
                        name: declared.name.clone(),
                        in_checkpoint: written.signature.name.clone(),
                        in_program: declared.signature.name.clone(),
                        group,
                        source,
                    }
                }
                source => StateError::Damaged { name: declared.name.clone(), group, source },
            })?;
        }
        Ok(())
    }
}
