//! The `millstream` command as cargo builds it: the library, with `python3` for Python programs.

use std::process::ExitCode;

use millstream_cli::{Outcome, interpreter, start};

fn main() -> ExitCode {
    ExitCode::from(match start(std::env::args_os().skip(1), None) {
        Outcome::Ended(code) => code,
        Outcome::Python(job) => interpreter::become_default(&job),
    })
}
