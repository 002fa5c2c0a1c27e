//! How a process without Python gets a Python program run: it becomes an interpreter.
//!
//! Answers for finding the interpreter and for what is said if there is none. The interpreter is told the job as
//! arguments again, and its package understands them by this same library.
//! Holds: the process that was started is the process that runs the program, so that signals, the terminal and the exit
//! code need nobody in between.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Cluster, PythonJob, exit, report};

/// Names an interpreter, where `--python` does not.
const VARIABLE: &str = "MILLSTREAM_PYTHON";

/// The interpreter of the search path.
const DEFAULT: &str = "python3";

/// Hands over to the package; says so if it is not there. Before that, the folder that Python puts first for `-c` is
/// taken away: a module that happens to lie there is none of the program's.
const START: &str = "\
import sys
sys.path[:1] = [path for path in sys.path[:1] if path]
try:
    from millstream.__main__ import main
except ModuleNotFoundError as error:
    if error.name not in ('millstream', 'millstream.__main__', 'millstream._native'):
        raise
    version = '.'.join(map(str, sys.version_info[:3]))
    sys.stderr.write(
        f'error: the Python {sys.executable} ({version}) has no package millstream\\n'
        f'  install it there: {sys.executable} -m pip install . in the folder of Millstream\\'s sources, '
        f'or name another Python with --python or MILLSTREAM_PYTHON\\n'
    )
    sys.exit(127)
main()
";

/// The interpreter that the environment names.
pub(crate) fn asked_for() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).filter(|named| !named.is_empty()).map(PathBuf::from)
}

/// The interpreter for what a cluster runs here: the one that was named, by the command line or the environment, or else the one
/// that this command runs in, or that of the search path.
pub(crate) fn of_a_service(named: Option<PathBuf>, own: Option<&Path>) -> PathBuf {
    named.or_else(asked_for).unwrap_or_else(|| own.unwrap_or(Path::new(DEFAULT)).into())
}

/// What has to be typed for the job, to an interpreter that is not to choose another.
fn words(job: &PythonJob) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["run".into(), "--here".into()];
    if let Some(package) = job.answers {
        words.extend(["--as".into(), package.into()]);
    }
    match &job.cluster {
        Some(Cluster::Foreign { engine, master }) => {
            words.extend(["--engine".into(), (*engine).into(), "--master".into(), master.into()]);
        }
        Some(Cluster::Own { master, access, detached }) => {
            words.extend(["--master".into(), master.into()]);
            for (option, path) in [("--token-file", &access.token_file), ("--tls", &access.tls)] {
                words.extend(path.iter().flat_map(|path| [option.into(), path.into()]));
            }
            words.extend(detached.then(|| "--detach".into()));
        }
        None => {}
    }
    words.extend(["--".into(), job.program.clone().into()]);
    words.extend(job.arguments.iter().cloned());
    words
}

/// Runs the job in the interpreter of the search path, in place of this process. Returns only if that is impossible.
pub fn become_default(job: &PythonJob) -> u8 {
    become_one(Path::new(DEFAULT), job)
}

/// Runs the job in this interpreter, in place of this process. Returns only if that is impossible.
pub(crate) fn become_one(python: &Path, job: &PythonJob) -> u8 {
    let error = Command::new(python).arg("-c").arg(START).args(words(job)).exec();
    let (python, program) = (python.display(), job.program.display());
    let why = match error.kind() {
        ErrorKind::NotFound => format!("there is no `{python}` to run {program} with"),
        _ => format!("`{python}`, which is to run {program}, cannot be started: {error}"),
    };
    let right = "install Python 3.9 or later, or name an interpreter with --python or MILLSTREAM_PYTHON";
    report::fault(exit::NOT_INSTALLED, &why, right)
}
