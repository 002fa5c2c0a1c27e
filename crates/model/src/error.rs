//! Failures as values: whose fault, where, why, whether to try again, and what to do.
//!
//! Answers for the one error type that crosses the layers, and for how it reads. Not for deciding about a
//! restart: that is the runtime's.
//! Holds: the operator named is the one that failed, not one that passed the failure on.

mod failure;
mod position;
mod told;

pub use failure::{Failure, Result};
pub use position::{Position, Unit};
use serde::{Deserialize, Serialize};

/// The error type of user code: anything that can say what went wrong.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Whose doing an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// The program, its settings or its input: somebody has to change something.
    User,
    /// The world outside: a server, a disk, a network.
    External,
    /// Millstream itself: a defect to report.
    Internal,
}

/// Whether the same thing, tried again, may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Retry {
    /// It may.
    Yes,
    /// It will fail in the same way.
    No,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Fault::User => "user",
            Fault::External => "external",
            Fault::Internal => "internal",
        })
    }
}
