//! What can go wrong with an operator's state.
//!
//! Answers for messages that name the state and, where types disagree, both of them; the operator's name is added by
//! the caller, who knows it.

use millstream_model::error::{Fault, Retry};
use millstream_model::key::{KeyGroup, KeyGroupRange};

use super::encoding::{DecodeError, EncodeError};
use super::snapshot::StateKind;

/// A key that reached a subtask which does not own it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key of group {group} reached the subtask that owns the groups {owned}")]
pub struct ForeignKey {
    /// The key's group.
    pub group: KeyGroup,
    /// The groups of the subtask.
    pub owned: KeyGroupRange,
}

/// What is wrong with the bytes of one key group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// The bytes are no entries of the program's types.
    #[error("entry {entry}: {source}")]
    Decode {
        /// Which entry of the group, from 0.
        entry: u64,
        /// Where in the entry, and what.
        source: DecodeError,
    },
    /// The group has other entries than it says.
    #[error("the group ends elsewhere than behind its {announced} entries")]
    Count {
        /// The number at the group's begin.
        announced: u32,
    },
    /// A key is not of the group it was kept in: the key's hash is not what it was.
    #[error("it holds a key whose group is {actual}, so keys are not hashed as they were")]
    Misplaced {
        /// The group of the key by today's hash.
        actual: KeyGroup,
    },
    /// The group is not the subtask's.
    #[error(transparent)]
    Foreign(#[from] ForeignKey),
}

/// What is wrong with an operator's state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Two states of one name.
    #[error("the state `{name}` is declared twice; each state of an operator needs a name of its own")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A state that was declared when the operator's state had already been restored.
    #[error("the state `{name}` is declared after the operator was opened; declare states when it opens")]
    DeclaredLate {
        /// The name.
        name: String,
    },
    /// A state was written to while no key was set.
    #[error(
        "the state `{name}` was written to without a current key, outside of the handling of a record or timer"
    )]
    NoKey {
        /// The name.
        name: String,
    },
    /// A state was used within a function that was using it already.
    #[error("the state `{name}` was used within a function that was given its value")]
    Nested {
        /// The name.
        name: String,
    },
    /// The state was of another kind.
    #[error(
        "the state `{name}` is {in_checkpoint} in the checkpoint and {in_program} in the program; give the new state \
         another name, or restore the old kind"
    )]
    Kind {
        /// The state's name.
        name: String,
        /// The kind that was written.
        in_checkpoint: StateKind,
        /// The kind that is declared.
        in_program: StateKind,
    },
    /// The state was written by a newer version of the program.
    #[error(
        "the state `{name}` has schema version {in_checkpoint} in the checkpoint, newer than the program's \
         {in_program}; restore with the program that wrote it, or a newer one"
    )]
    NewerSchema {
        /// The state's name.
        name: String,
        /// The version that was written.
        in_checkpoint: u32,
        /// The version that is declared.
        in_program: u32,
    },
    /// The state was of another type, beyond what a type may gain.
    #[error(
        "the state `{name}` of type {in_checkpoint} in the checkpoint cannot be read as {in_program} of the program: \
         key group {group}, {source}; a type may gain Option fields and #[serde(default)] fields, nothing else"
    )]
    Type {
        /// The state's name.
        name: String,
        /// The readable type that was written.
        in_checkpoint: String,
        /// The readable type that is declared.
        in_program: String,
        /// The key group in which it showed first.
        group: KeyGroup,
        /// Where in the value, and what.
        source: GroupError,
    },
    /// An entry of operator state was of another type.
    #[error(
        "the operator state `{name}` of type {in_checkpoint} in the checkpoint cannot be read as {in_program} of the \
         program: entry {entry}, {source}"
    )]
    EntryType {
        /// The state's name.
        name: String,
        /// The readable type that was written.
        in_checkpoint: String,
        /// The readable type that is declared.
        in_program: String,
        /// Which entry, from 0.
        entry: usize,
        /// Where in the entry, and what.
        source: DecodeError,
    },
    /// The bytes of a state are broken.
    #[error("the state `{name}` is damaged in the checkpoint: key group {group}, {source}")]
    Damaged {
        /// The state's name.
        name: String,
        /// The key group.
        group: KeyGroup,
        /// What is wrong.
        source: GroupError,
    },
    /// A value could not be written.
    #[error("the state `{name}` cannot be written: {source}")]
    Encode {
        /// The state's name.
        name: String,
        /// What is wrong.
        source: EncodeError,
    },
    /// A key of another subtask.
    #[error(transparent)]
    Foreign(#[from] ForeignKey),
}

impl StateError {
    /// Who can make the error go away.
    pub fn fault(&self) -> Fault {
        match self {
            StateError::Foreign(_) => Fault::Internal,
            StateError::Damaged { .. } => Fault::External,
            _ => Fault::User,
        }
    }

    /// Whether trying again can help: it never does.
    pub fn retry(&self) -> Retry {
        Retry::No
    }
}

impl From<StateError> for millstream_model::error::Failure {
    /// Keeps whose fault it is; the operator is named by whoever drives it.
    fn from(error: StateError) -> Self {
        match error.fault() {
            Fault::User => Self::user(error.to_string()),
            Fault::External => Self::external(error.to_string()).retry(error.retry()),
            Fault::Internal => Self::internal(error.to_string()),
        }
    }
}
