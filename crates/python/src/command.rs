//! The `millstream` command of the wheel: the same library as the binary's, its Python programs run in this interpreter.

use std::ffi::OsString;
use std::path::PathBuf;

use millstream_cli::{Cluster, Outcome};
use pyo3::prelude::*;

/// Does what the arguments say, and is the exit code. What a program raises comes through.
#[pyfunction]
pub(crate) fn command(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    let own: Option<PathBuf> = py.import("sys")?.getattr("executable")?.extract()?;
    match py.detach(|| millstream_cli::start(arguments, own.as_deref())) {
        Outcome::Ended(code) => Ok(code),
        Outcome::Python(job) => {
            let (mut foreign, mut own) = (None, None);
            match job.cluster {
                Some(Cluster::Foreign { engine, master }) => foreign = Some((engine, master)),
                Some(Cluster::Own { master, access, detached }) => {
                    let text = |path: Option<PathBuf>| path.map(PathBuf::into_os_string);
                    own = Some((master, text(access.token_file), text(access.tls), detached));
                }
                None => {}
            }
            let told = (job.program.into_os_string(), job.arguments, job.answers, foreign, own);
            py.import("millstream.run")?.call_method1("main", told)?.extract()
        }
    }
}
