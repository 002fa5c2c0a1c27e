//! The names of checkpoints, which are also their folders.
//!
//! Answers for `checkpoint-000017` and `savepoint-000018`, written and read.

use std::fmt;
use std::str::FromStr;

use millstream_model::id::{CheckpointId, CheckpointKind};
use serde::{Deserialize, Serialize};

/// One checkpoint or savepoint of a folder. Checkpoints and savepoints of a job count on together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CheckpointName {
    /// Which of the two it is.
    pub kind: CheckpointKind,
    /// Counts up from 1.
    pub id: u64,
}

impl CheckpointName {
    /// The checkpoint of this number.
    pub fn checkpoint(id: u64) -> Self {
        Self { kind: CheckpointKind::Checkpoint, id }
    }

    /// The savepoint of this number.
    pub fn savepoint(id: u64) -> Self {
        Self { kind: CheckpointKind::Savepoint, id }
    }

    /// The name of a checkpoint whose barrier says this.
    pub fn of(checkpoint: CheckpointId, kind: CheckpointKind) -> Self {
        Self { kind, id: checkpoint.0 }
    }

    /// The path of a file of this checkpoint, from the checkpoint folder on.
    pub(crate) fn file(&self, name: &str) -> String {
        format!("{self}/{name}")
    }

    pub(crate) fn manifest(&self) -> String {
        self.file("manifest.json")
    }
}

impl fmt::Display for CheckpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            CheckpointKind::Checkpoint => "checkpoint",
            CheckpointKind::Savepoint => "savepoint",
        };
        write!(f, "{kind}-{:06}", self.id)
    }
}

/// Not the name of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no checkpoint: expected such as checkpoint-000017, savepoint-000018 or 17")]
pub struct NameError(String);

impl FromStr for CheckpointName {
    type Err = NameError;

    /// Reads a name with or without leading zeros; a bare number is a checkpoint's.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (kind, id) = match text.split_once('-') {
            Some(("checkpoint", id)) => (CheckpointKind::Checkpoint, id),
            Some(("savepoint", id)) => (CheckpointKind::Savepoint, id),
            Some(_) => return Err(NameError(text.to_owned())),
            None => (CheckpointKind::Checkpoint, text),
        };
        let digits = id.bytes().all(|byte| byte.is_ascii_digit());
        match id.parse() {
            Ok(id) if digits => Ok(Self { kind, id }),
            _ => Err(NameError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_other_text_is_refused() {
        for name in [CheckpointName::checkpoint(17), CheckpointName::savepoint(1_234_567)] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        assert_eq!("17".parse(), Ok(CheckpointName::checkpoint(17)));
        for wrong in ["", "latest", "checkpoint-", "checkpoint-+1", "lock", "point-1"] {
            assert!(wrong.parse::<CheckpointName>().is_err(), "{wrong}");
        }
    }
}
