//! What the programs share that tests start as processes of their own.
//!
//! Holds: a program that fails says why as a user's would, in one place, and with an exit code that is not 0.

use std::process::ExitCode;

use millstream::Result;

/// How a program ends: its failure is said on the error stream.
pub fn ended(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
