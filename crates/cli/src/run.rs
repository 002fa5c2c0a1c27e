//! `millstream run`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

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
    /// The cluster that its jobs run on, if they do not run in its own process.
    pub cluster: Option<Cluster>,
}

/// A cluster that a Python program is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// Of Millstream's.
    Own {
        /// HOST:PORT of its REST interface.
        master: String,
        /// What it is shown.
        access: Access,
        /// Whether the program does not wait for its jobs.
        detached: bool,
    },
    /// Of another system, which the program is handed to.
    Foreign {
        /// `flink` or `spark`.
        engine: &'static str,
        /// Its address.
        master: String,
    },
}

/// Looks at the program. An interpreter that was named is what this process becomes at once.
pub(crate) fn start(run: Run) -> Outcome {
    let is_python = |program: &OsString| Path::new(program).extension().is_some_and(|name| name == "py");
    if let (Some(master), None, false) = (&run.master, run.engine, run.program.first().is_some_and(is_python))
    {
        let access = Access { token_file: run.token_file, tls: run.tls };
        let code = submit::run(run.program, master, &access, run.detach);
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
        cluster: run.master.map(|master| match run.engine {
            Some(engine) => Cluster::Foreign { engine: engine.name(), master },
            None => {
                let access = Access { token_file: run.token_file, tls: run.tls };
                Cluster::Own { master, access, detached: run.detach }
            }
        }),
    };
    match run.python.or_else(interpreter::asked_for) {
        Some(python) if !run.here => Outcome::Ended(interpreter::become_one(&python, &job)),
        _ => Outcome::Python(job),
    }
}
