//! Names and numbers that tell the parts of a job apart.
//!
//! Answers for one newtype for each number that could be swapped with another. Not for making ids unique.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A node's place in one job graph, counted from 0 in the order in which the program made them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u32);

/// What binds an operator to its state across runs: given by the user, or derived from the operator's place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorUid(Arc<str>);

impl OperatorUid {
    /// A uid of this text.
    pub fn new(uid: impl Into<Arc<str>>) -> Self {
        Self(uid.into())
    }

    /// The text of the uid.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperatorUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of the parallel instances of an operator or chain: `index` counts from 0 to below `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subtask {
    /// This instance, from 0.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

impl fmt::Display for Subtask {
    /// Counted from 1, as people do: `subtask 2 of 2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subtask {} of {}", self.index + 1, self.of)
    }
}

/// The number of a checkpoint within a job, from 1, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckpointId(pub u64);

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checkpoint {}", self.0)
    }
}

/// Who decides how long a checkpoint is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// The engine: the last few.
    Checkpoint,
    /// The user: until deleted by hand.
    Savepoint,
}
