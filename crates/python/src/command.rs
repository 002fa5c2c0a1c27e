//! The `millstream` command of the wheel: the same library as the binary's, its Python programs run in this interpreter.

use std::ffi::OsString;

use millstream_cli::Outcome;
use pyo3::prelude::*;

/// Does what the arguments say, and is the exit code. What a program raises comes through.
#[pyfunction]
pub(crate) fn command(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    match py.detach(|| millstream_cli::start(arguments)) {
        Outcome::Ended(code) => Ok(code),
        Outcome::Python(job) => {
            let (engine, master) = job.cluster.unzip();
            let told = (job.program.into_os_string(), job.arguments, job.answers, engine, master);
            py.import("millstream.run")?.call_method1("main", told)?.extract()
        }
    }
}
