//! Objects as bytes, for what no column can hold.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

const PROTOCOL: u8 = 5;

/// The object as bytes: by pickle, and where that gives up, because a class lives in a program's own file, by
/// cloudpickle.
pub(crate) fn dumps<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = object.py();
    let dumps = DUMPS.import(py, "pickle", "dumps")?;
    let bytes = match dumps.call1((object, PROTOCOL)) {
        Err(error) if error.is_instance_of::<PyException>(py) => {
            py.import("cloudpickle")?.call_method1("dumps", (object, PROTOCOL)).map_err(|_| error)?
        }
        bytes => bytes?,
    };
    Ok(bytes.cast_into()?)
}

/// The object of [`dumps`].
pub(crate) fn loads<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    LOADS.import(py, "pickle", "loads")?.call1((PyBytes::new(py, bytes),))
}
