//! What can go wrong with a place to keep bytes, whose fault it is, and what to do.
//!
//! Answers for messages that name the file and say what would be right.
//! Holds: no message has a secret in it, nor a server's stack trace.

use std::error::Error;
use std::io;
use std::time::Duration;

use millstream_model::error::{BoxError, Failure, Fault, Retry};

/// An error of a place to keep bytes.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Not the name of a place.
    #[error("`{location}` is no location: {reason}")]
    Malformed {
        /// As it was given.
        location: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// No such kind of place.
    #[error(
        "`{location}`: `{scheme}` is no kind of place that is known; there are file:, hdfs://, memory: and s3://, and a \
         path without any of these is a local one"
    )]
    UnknownScheme {
        /// As it was given.
        location: String,
        /// What stands before the colon.
        scheme: String,
    },
    /// The program was built without the client.
    #[error(
        "`{location}` cannot be opened: this program was built without {feature}; build it with the feature `{feature}` \
         of the crate `millstream` (cargo add millstream --features {feature})"
    )]
    NotBuiltIn {
        /// As it was given.
        location: String,
        /// The feature that is missing.
        feature: &'static str,
    },
    /// The settings of a place are wrong, or some are missing.
    #[error("`{location}` cannot be opened: {reason}")]
    Settings {
        /// As it was given.
        location: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// It is not there.
    #[error("{name} does not exist")]
    NotFound {
        /// The file, with its place.
        name: String,
    },
    /// There is a file where none should be.
    #[error("{name} exists already")]
    Exists {
        /// The file, with its place.
        name: String,
    },
    /// It is no longer the file that was begun to be read.
    #[error("{name} has changed while it was read; files that a job reads must stay as they are")]
    Changed {
        /// The file, with its place.
        name: String,
    },
    /// The user may not do it.
    #[error("{action} {name} is not allowed: {source}; check the credentials, and that this user may do so")]
    Denied {
        /// What was being done: reading, writing, ...
        action: &'static str,
        /// The file, with its place.
        name: String,
        /// What the store said.
        source: BoxError,
    },
    /// The store cannot do this.
    #[error("{action} {name} is nothing that {store} can do")]
    Unable {
        /// What was asked for.
        action: &'static str,
        /// The file, with its place.
        name: String,
        /// The kind of place.
        store: &'static str,
    },
    /// It failed in another way.
    #[error("{action} {name} failed{}: {source}", shown(tried))]
    Failed {
        /// What was being done: reading, writing, ...
        action: &'static str,
        /// The file, with its place.
        name: String,
        /// For how long it was tried.
        tried: Duration,
        /// What the store said.
        source: BoxError,
    },
    /// The right to a place, or to lead, was lost or is another's.
    #[error("{name} is held by {holder}; stop that one first, or wait until it has ended")]
    Held {
        /// The lease, with its place.
        name: String,
        /// Who has it.
        holder: String,
    },
    /// Whoever asked was told to stop.
    #[error("{action} {name} was cancelled")]
    Cancelled {
        /// What was being done.
        action: &'static str,
        /// The file, with its place.
        name: String,
    },
}

/// What a call did not do within its time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs_f64())]
pub(crate) struct NoAnswer(pub(crate) Duration);

impl StorageError {
    /// Who can make the error go away.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Failed { .. } | Self::Cancelled { .. } => Fault::External,
            _ => Fault::User,
        }
    }

    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Failed { .. } | Self::Held { .. } => Retry::Yes,
            _ => Retry::No,
        }
    }

    /// Whether the file is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// What the system or the store said, where there is such a thing; else the error itself.
    pub fn into_source(self) -> BoxError {
        match self {
            Self::Failed { source, .. } | Self::Denied { source, .. } => source,
            other => other.into(),
        }
    }

    /// The kind of the system's error that lies below, if one does.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        let source = self.source()?;
        std::iter::successors(Some(source), |&error| error.source())
            .find_map(|error| error.downcast_ref::<io::Error>())
            .map(io::Error::kind)
    }

    /// The system's error while doing something with a local file.
    pub(crate) fn of_system(action: &'static str, name: String, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { name },
            io::ErrorKind::PermissionDenied => Self::Denied { action, name, source: source.into() },
            _ => Self::Failed { action, name, tried: Duration::ZERO, source: source.into() },
        }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let failure = match error.fault() {
            _ if matches!(error, StorageError::Cancelled { .. }) => return Failure::cancelled(),
            Fault::User => Failure::user(error.to_string()),
            Fault::External => Failure::external(error.to_string()),
            Fault::Internal => Failure::internal(error.to_string()),
        };
        failure.retry(error.retry())
    }
}

fn shown(tried: &Duration) -> String {
    match tried.as_secs() {
        0 => String::new(),
        seconds => format!(", tried again for {seconds} s"),
    }
}
