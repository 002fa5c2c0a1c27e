//! What is started: a binary, or an interpreter with the plan of a Python program.
//!
//! Answers for the command line of either, and for why it could not be started. Not for what is in a plan: that is between
//! the Python package that made it and the one that reads it (`millstream._cluster`).

use std::path::{Path, PathBuf};
use std::process::Command;

use millstream_model::error::{Failure, Retry};

use super::refused;
use crate::dispatcher::Kind;

/// Hands a plan over to the package. Whatever interpreter this is: it says what is missing.
const START: &str = "\
import sys
sys.path[:1] = [path for path in sys.path[:1] if path]
here = sys.executable + ' (Python ' + '.'.join(map(str, sys.version_info[:3])) + ')'
if sys.version_info < (3, 9):
    sys.exit('error: the interpreter ' + here + ' of this machine is older than Python 3.9')
try:
    from millstream._cluster.program import main
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition('.')[0] not in ('millstream', 'cloudpickle'):
        raise
    sys.exit('error: the interpreter ' + here + ' of this machine has no package ' + error.name
        + ': install millstream of the same version there, or name another with --python')
main()
";

/// A program that is on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A binary.
    Binary(PathBuf),
    /// A plan, and the interpreter that reads it.
    PythonPlan {
        /// The plan; the files that it names lie beside it.
        plan: PathBuf,
        /// The interpreter.
        python: PathBuf,
    },
}

impl Program {
    /// A program of this kind.
    #[must_use]
    pub fn of(kind: Kind, file: PathBuf, python: &Path) -> Self {
        match kind {
            Kind::Binary => Self::Binary(file),
            Kind::PythonPlan | Kind::PythonDriver => Self::PythonPlan { plan: file, python: python.into() },
        }
    }

    /// What starts it, without arguments of its own.
    pub(super) fn command(&self) -> Command {
        match self {
            Self::Binary(binary) => Command::new(binary),
            Self::PythonPlan { plan, python } => {
                let mut command = Command::new(python);
                // What it prints is read line by line.
                command.arg("-c").arg(START).arg(plan).env("PYTHONUNBUFFERED", "1");
                command
            }
        }
    }

    /// The failure for the system's error.
    pub(super) fn refused(&self, name: &str, error: &std::io::Error) -> Failure {
        match self {
            Self::Binary(binary) => refused::why(name, binary, error),
            Self::PythonPlan { python, .. } => Failure::external(format!(
                "{name} is a Python program, and the interpreter {} cannot be started",
                python.display()
            ))
            .because(error.to_string())
            .retry(Retry::No)
            .advice("start the worker or job manager of this machine with --python INTERPRETER"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_needs_an_interpreter_and_one_that_is_not_there_is_named() {
        let program = Program::of(Kind::PythonPlan, "plan".into(), Path::new("/no/python"));
        let error = program.command().spawn().unwrap_err();
        let text = program.refused("job.py", &error).to_string();
        assert!(
            text.starts_with("job.py is a Python program, and the interpreter /no/python cannot"),
            "{text}"
        );
        assert!(text.contains("--python INTERPRETER"), "{text}");
    }
}
