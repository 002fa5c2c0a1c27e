//! Files in S3 and HDFS that Python reads and writes itself.
//!
//! Answers for whole files read, for files that are written now and become visible later, and for what a failed output left
//! being removed. Not for lines, which the engine reads (`pipeline::lines`).
//! Holds: the interpreter is let go while a store is asked.

use std::sync::{Mutex, PoisonError};

use millstream_connectors::files::sized;
use millstream_model::error::Failure;
use millstream_storage::{Location, Published, StagedUpload, Storage, StorageError, Upload};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Says who writes into a folder.
const OWNER: &str = "_temporary";

fn refused(error: StorageError) -> PyErr {
    PyOSError::new_err(Failure::from(error).to_string())
}

/// The files at a location, each with its length in bytes.
#[pyfunction]
pub(crate) fn stored_files(py: Python<'_>, path: &str) -> PyResult<Vec<(String, u64)>> {
    let found = py.detach(|| sized(path));
    found.map_err(|failure| PyOSError::new_err(failure.to_string()))
}

/// All bytes of a file, as they lie there.
#[pyfunction]
pub(crate) fn stored_bytes<'py>(py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyBytes>> {
    let read = || {
        let location: Location = path.parse()?;
        match location.parent() {
            Some((folder, name)) => Storage::open(&folder.to_string())?.get(&name),
            None => Err(StorageError::NotFound { name: path.to_owned() }),
        }
    };
    py.detach(read).map(|bytes| PyBytes::new(py, &bytes)).map_err(refused)
}

/// A folder in S3 or HDFS that one program writes and nobody has written before.
#[pyclass(name = "StoredFolder", frozen, module = "millstream._native")]
pub(crate) struct PyStoredFolder {
    place: Storage,
}

#[pymethods]
impl PyStoredFolder {
    #[new]
    fn new(location: &str) -> PyResult<Self> {
        Ok(Self { place: Storage::open(location).map_err(refused)? })
    }

    /// Takes the folder; `false` if something is in it, or somebody else has taken it.
    fn take(&self, py: Python<'_>) -> PyResult<bool> {
        let owner = std::process::id().to_string();
        let taken = || {
            Ok(self.place.list("")?.is_empty()
                && self.place.put_if_absent(OWNER, owner.as_bytes())? == Published::Won)
        };
        py.detach(taken).map_err(refused)
    }

    /// Begins a file that is hidden until the folder is finished; `attempt` tells it from others of the same name.
    fn begin(&self, name: &str, attempt: &str) -> PyResult<PyStoredFile> {
        let upload = self.place.begin_upload(name, &format!(".{name}.attempt-{attempt}")).map_err(refused)?;
        Ok(PyStoredFile(Mutex::new(Some(upload))))
    }

    /// Makes files visible, each by what its `finish` gave, and says at the end that these are all.
    fn finish(&self, py: Python<'_>, files: Vec<String>) -> PyResult<()> {
        let staged: Result<Vec<StagedUpload>, _> =
            files.iter().map(|file| serde_json::from_str(file)).collect();
        let staged = staged.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let finish = || {
            for file in &staged {
                self.place.commit(file)?;
            }
            self.sweep(false)?;
            self.place.delete(OWNER)?;
            self.place.put("_SUCCESS", b"")
        };
        py.detach(finish).map_err(refused)
    }

    /// Removes all that is in the folder, with what was begun.
    fn remove(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.sweep(true)).map_err(refused)
    }
}

impl PyStoredFolder {
    /// Throws away what was begun and not finished; `all` of the other files, too.
    fn sweep(&self, all: bool) -> Result<(), StorageError> {
        let entries = [self.place.list("")?, self.place.unfinished("")?].concat();
        for entry in entries {
            let stem = Storage::hidden_stem(&entry.name).and_then(|stem| stem[1..].split_once(".attempt-"));
            match stem {
                Some((finished, _)) => self.place.abandon(&entry.name, finished)?,
                None if all => self.place.delete(&entry.name)?,
                None => {}
            }
        }
        Ok(())
    }
}

/// A file that is being written.
#[pyclass(name = "StoredFile", frozen, module = "millstream._native")]
pub(crate) struct PyStoredFile(Mutex<Option<Upload>>);

#[pymethods]
impl PyStoredFile {
    /// Adds to the file.
    fn write(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<()> {
        py.detach(|| {
            let mut upload = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            upload.as_mut().map(|upload| upload.write(bytes))
        })
        .ok_or_else(finished)?
        .map_err(refused)
    }

    /// Closes it; what the folder is told to make it visible.
    fn finish(&self, py: Python<'_>) -> PyResult<String> {
        let upload = self.0.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(finished)?;
        let staged = py.detach(|| upload.finish()).map_err(refused)?;
        serde_json::to_string(&staged).map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

fn finished() -> PyErr {
    PyValueError::new_err("the file is finished: nothing can be added to it")
}
