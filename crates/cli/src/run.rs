//! `millstream run`.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::access::Access;
use crate::arguments::Run;
use crate::jobs::submit;
use crate::{Outcome, exit, interpreter, program, report};

/// A Python program that is there to be read, and how it is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonJob {
    /// The program.
    pub program: PathBuf,
    /// Its own arguments.
    pub arguments: Vec<OsString>,
    /// The package whose imports are answered: `pyflink`, `pyspark`.
    pub answers: Option<&'static str>,
    /// The system that the program is handed to, `flink` or `spark`, and the address of its cluster.
    pub cluster: Option<(&'static str, String)>,
}

/// Looks at the program. An interpreter that was named is what this process becomes at once.
pub(crate) fn start(run: Run) -> Outcome {
    if let (Some(master), None) = (&run.master, run.engine) {
        let code = submit::run(
            run.program,
            master,
            &Access { token_file: run.token_file, tls: run.tls },
            run.detach,
        );
        return Outcome::Ended(code.unwrap_or_else(|failure| report::failure(&failure)));
    }
    let mut words = run.program.into_iter();
    let program = PathBuf::from(words.next().unwrap_or_default());
    if let Err(unfit) = program::check(&program) {
        return Outcome::Ended(report::fault(exit::NOT_STARTED, &unfit.what, unfit.right));
    }
    let job = PythonJob {
        program,
        arguments: words.collect(),
        answers: run.answers.map(|package| package.name()),
        cluster: run.engine.map(|engine| engine.name()).zip(run.master),
    };
    match run.python.or_else(interpreter::asked_for) {
        Some(python) if !run.here => Outcome::Ended(interpreter::become_one(&python, &job)),
        _ => Outcome::Python(job),
    }
}
