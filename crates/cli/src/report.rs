//! What the command itself says about a fault: what is wrong, and what would be right.

use std::io::Write;

use millstream_model::error::{Failure, Result};

use crate::exit;

/// Writes the fault to standard error, and is the exit code.
#[must_use]
pub(crate) fn fault(code: u8, what: &str, right: &str) -> u8 {
    // A standard error that is closed leaves nobody to be told.
    let _gone = writeln!(std::io::stderr(), "error: {what}\n  {right}");
    code
}

/// The same for a failure, which says itself what would be right.
#[must_use]
pub(crate) fn failure(failure: &Failure) -> u8 {
    let _gone = writeln!(std::io::stderr(), "error: {failure}");
    exit::NOT_STARTED
}

/// The exit code of a command that did what it was to do, or failed.
#[must_use]
pub(crate) fn ended(result: Result<()>) -> u8 {
    match result {
        Ok(()) => exit::WELL,
        Err(what) => failure(&what),
    }
}
