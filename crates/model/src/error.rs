//! Whose fault an error is, and whether trying again can help.
//!
//! Answers for the two words every crate's error answers with. Not for the errors themselves: each crate has its own.
//! Holds: an error that says `Retry::Yes` may go away without anybody changing the program or its settings.

use std::fmt;

/// Who can make the error go away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The user: the program, its settings or its input.
    User,
    /// Something outside the process: a disk, a network, a peer.
    External,
    /// Millstream itself: a broken invariant, to be reported.
    Internal,
}

/// Whether the same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Trying again may help.
    Yes,
    /// Trying again gives the same error.
    No,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::User => "user",
            Fault::External => "external",
            Fault::Internal => "internal",
        })
    }
}
