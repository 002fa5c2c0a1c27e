//! What can go wrong with a checkpoint folder, whose fault it is, and what to do.
//!
//! Answers for messages that name the file and say what the user can do next.

use std::error::Error;
use std::io;

use millstream_dataflow::state::StateError;
use millstream_model::error::{BoxError, Fault, Retry};
use millstream_storage::StorageError;

use crate::compare::Comparison;
use crate::name::NameError;

/// An error of a checkpoint folder.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder to restore from does not exist.
    #[error("the checkpoint folder {folder} does not exist; check the path, or start without restoring")]
    FolderMissing {
        /// The folder.
        folder: String,
    },
    /// The folder cannot be written to.
    #[error(
        "the checkpoint folder {folder} cannot be written to: {source}; give the job a folder its user may write to"
    )]
    Unwritable {
        /// The folder.
        folder: String,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works on the folder.
    #[error(
        "the checkpoint folder {folder} is in use by {holder}; stop that job first, or give this one a folder of its own"
    )]
    Locked {
        /// The folder.
        folder: String,
        /// Who holds it.
        holder: String,
    },
    /// A manifest was to be written, and there is one.
    #[error(
        "the manifest {file} exists already: another job writes to the same folder; stop that one, or give each a folder \
         of its own"
    )]
    ManifestTaken {
        /// The file.
        file: String,
    },
    /// The place cannot be opened, or may not be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no checkpoint to restore.
    #[error("the checkpoint folder {folder} holds no finished checkpoint; start without restoring")]
    Empty {
        /// The folder.
        folder: String,
    },
    /// Not the name of a checkpoint.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no such checkpoint.
    #[error("the checkpoint folder {folder} has no {name}; it has {}", listed(available))]
    NotFound {
        /// The folder.
        folder: String,
        /// What was asked for.
        name: String,
        /// What there is.
        available: Vec<String>,
    },
    /// A manifest is no manifest.
    #[error("the manifest {file} is damaged: {reason}; {}", instead(intact.as_deref()))]
    ManifestDamaged {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
        /// The newest other checkpoint that can be read.
        intact: Option<String>,
    },
    /// A state file is not what the manifest says.
    #[error(
        "the state file {file} is damaged: {reason} (state `{state}` of operator `{uid}`); {}",
        instead(intact.as_deref())
    )]
    StateFileDamaged {
        /// The file.
        file: String,
        /// The operator whose state was being read.
        uid: String,
        /// The state.
        state: String,
        /// What is wrong.
        reason: String,
        /// The newest other checkpoint that can be read.
        intact: Option<String>,
    },
    /// A manifest was written by a later Millstream.
    #[error(
        "the manifest {file} has format version {found}, and this Millstream reads up to {supported}; restore it with \
         the version of Millstream that wrote it, or a later one"
    )]
    NewerFormat {
        /// The file.
        file: String,
        /// Its version.
        found: u32,
        /// The newest version that is known.
        supported: u32,
    },
    /// The checkpoint is of another job, or the job's operators have changed.
    #[error(
        "{checkpoint} in {folder} does not fit this program{}\n{comparison}",
        other_job(written_by, program)
    )]
    OtherJob {
        /// The folder.
        folder: String,
        /// The checkpoint's name.
        checkpoint: String,
        /// The name of the job that wrote it.
        written_by: String,
        /// The name of the job that is to be restored.
        program: String,
        /// What both sides have.
        comparison: Box<Comparison>,
    },
    /// The operator has another number of key groups than it had.
    #[error(
        "operator `{uid}` has max parallelism {in_checkpoint} in the checkpoint and {in_program} in the program; it \
         cannot change while state is kept: set it to {in_checkpoint}"
    )]
    MaxParallelism {
        /// The operator.
        uid: String,
        /// What its state was divided into.
        in_checkpoint: u16,
        /// What the program says.
        in_program: u16,
    },
    /// No room is left.
    #[error(
        "no space is left for {file}: {source}; make room, a job goes on from its last finished checkpoint"
    )]
    DiskFull {
        /// The file.
        file: String,
        /// What the store said.
        source: BoxError,
    },
    /// The store failed in another way.
    #[error("{action} {file} failed: {source}")]
    Io {
        /// What was being done: reading, writing, ...
        action: &'static str,
        /// The file.
        file: String,
        /// What the store said.
        source: BoxError,
    },
    /// An operator's state could not be written or read.
    #[error("operator `{uid}`: {source}")]
    State {
        /// The operator.
        uid: String,
        /// What is wrong.
        source: Box<StateError>,
    },
    /// A subtask has written state of an operator that the job's coordinator does not know.
    #[error("operator `{uid}` has state, and is not among the operators of the checkpoint's manifest")]
    UnlistedOperator {
        /// The operator.
        uid: String,
    },
    /// A manifest could not be put into words.
    #[error("the manifest {file} cannot be written: {source}")]
    ManifestUnwritable {
        /// The file.
        file: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Who can make the error go away.
    pub fn fault(&self) -> Fault {
        match self {
            StoreError::ManifestUnwritable { .. } | StoreError::UnlistedOperator { .. } => Fault::Internal,
            StoreError::State { source, .. } => source.fault(),
            StoreError::Storage(source) => source.fault(),
            StoreError::ManifestDamaged { .. }
            | StoreError::StateFileDamaged { .. }
            | StoreError::DiskFull { .. }
            | StoreError::Io { .. } => Fault::External,
            _ => Fault::User,
        }
    }

    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            StoreError::DiskFull { .. } | StoreError::Io { .. } | StoreError::Locked { .. } => Retry::Yes,
            StoreError::Storage(source) => source.retry(),
            _ => Retry::No,
        }
    }

    /// That a folder cannot be written to.
    pub(crate) fn unwritable(folder: &std::path::Path, source: io::Error) -> Self {
        let folder = folder.display().to_string();
        if is_full(source.kind()) {
            return StoreError::DiskFull { file: folder, source: source.into() };
        }
        StoreError::Unwritable { folder, source }
    }

    /// What came of asking a place while doing something with `file`.
    pub(crate) fn asking(action: &'static str, file: &str, error: StorageError) -> Self {
        match error {
            StorageError::Failed { .. } | StorageError::NotFound { .. } | StorageError::Exists { .. } => {
                Self::of(action, file, error.into_source())
            }
            other => Self::Storage(other),
        }
    }

    /// The error of the store `source` while doing something with `file`.
    pub(crate) fn of(action: &'static str, file: &str, source: impl Into<BoxError>) -> Self {
        let (file, source) = (file.to_owned(), source.into());
        if io_kind(&*source).is_some_and(is_full) {
            return StoreError::DiskFull { file, source };
        }
        StoreError::Io { action, file, source }
    }
}

/// The system's error, or the one that lies below a store's.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    std::iter::successors(Some(error), |&error| error.source())
        .find_map(|error| error.downcast_ref::<io::Error>())
        .map(io::Error::kind)
}

/// Whether no room is left: on the disk, or for this user.
fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn instead(intact: Option<&str>) -> String {
    match intact {
        Some(name) => format!("{name} is intact: restore that one by its name (--restore {name})"),
        None => "no other checkpoint in the folder is intact: start without restoring".to_owned(),
    }
}

fn other_job(written_by: &str, program: &str) -> String {
    if written_by == program {
        String::new()
    } else {
        format!(": it is of the job `{written_by}`, the program is `{program}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CheckpointName, CheckpointStore, SubtaskWork};

    #[test]
    fn the_systems_error_is_found_below_that_of_a_local_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointStore::open(folder.path()).unwrap();
        std::fs::write(folder.path().join("checkpoint-000001"), "in the way").unwrap();
        let part = millstream_dataflow::state::snapshot::OperatorPart::new("splits", 1, &[1u8]).unwrap();
        let snapshot =
            millstream_dataflow::state::OperatorSnapshot { keyed: Vec::new(), operator: vec![part] };
        let work = SubtaskWork { operators: vec![("lines".to_owned(), snapshot)], committables: Vec::new() };
        let error = store.write_subtask(CheckpointName::checkpoint(1), "0-0", work).unwrap_err();
        let StoreError::Io { action: "writing", file, source } = error else { panic!("{error}") };
        assert!(file.ends_with("/checkpoint-000001/0-0.state"), "{file}");
        let kind = io_kind(&*source);
        assert!(
            matches!(kind, Some(io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists)),
            "{kind:?} of {source}"
        );
    }
}
