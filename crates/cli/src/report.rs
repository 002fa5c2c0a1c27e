//! What the command itself says about a fault: what is wrong, and what would be right.

use std::io::Write;

/// Writes the fault to standard error, and is the exit code.
#[must_use]
pub(crate) fn fault(code: u8, what: &str, right: &str) -> u8 {
    // A standard error that is closed leaves nobody to be told.
    let _gone = writeln!(std::io::stderr(), "error: {what}\n  {right}");
    code
}
