//! The native half of the Python package: `millstream._native`.
//!
//! A Python job is a plan whose functions are pickled bytes. The driver makes data sets of them (`driver`), which the
//! engine runs as it runs every other; a task of them is a plan (`plan`), run in an interpreter (`task`, `pipeline`,
//! `sink`), which is this one or a worker's (`worker`). Between interpreters records travel in columns (`column`). A stream in
//! batches is cut by the engine and computed by Python (`streaming`).
//!
//! Answers for running Python functions. Not for the faces that users see: these are Python, in `python/millstream`.
//! Holds: the interpreter is taken once for a run of records, never for each; and let go wherever something is waited
//! for.

mod avro;
mod calls;
mod choice;
mod cluster;
mod column;
mod command;
mod driver;
mod hash;
mod host;
mod pipeline;
mod placing;
mod plan;
mod sink;
mod stores;
mod stream;
mod streaming;
mod task;
mod worker;

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::column::{Block, BlockWriter};
use crate::worker::serve;

/// Spark's `portable_hash`: the same in every process, `None` and tuples included.
#[pyfunction]
fn portable_hash(x: &Bound<'_, PyAny>) -> PyResult<i64> {
    hash::portable_hash(x)
}

/// The hash that streams place keys by: the same in every process and run, and equal for keys that are equal.
#[pyfunction]
fn stable_hash(key: &Bound<'_, PyAny>) -> PyResult<i64> {
    hash::stable_hash(key)
}

/// Records, with their times, in one list for each of the receivers that the hashes of their keys name; `None` where there
/// are none.
#[pyfunction]
fn split_by_key<'py>(
    records: &Bound<'py, PyList>,
    times: Option<&Bound<'py, PyList>>,
    keys: &Bound<'py, PyList>,
    receivers: u16,
    max_parallelism: u32,
) -> PyResult<Vec<placing::Part<'py>>> {
    placing::by_key(records, times, keys, receivers, max_parallelism)
}

/// Records, with their times, dealt out in turn; the first of them goes to receiver `first`.
#[pyfunction]
fn deal<'py>(
    records: &Bound<'py, PyList>,
    times: Option<&Bound<'py, PyList>>,
    receivers: u16,
    first: u16,
) -> PyResult<Vec<placing::Part<'py>>> {
    placing::in_turn(records, times, receivers, first)
}

/// The records of an iterable as a block.
#[pyfunction]
fn encode<'py>(records: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let mut writer = BlockWriter::default();
    for record in records.try_iter()? {
        writer.push(&record?)?;
    }
    Ok(PyBytes::new(records.py(), &writer.finish(records.py())?))
}

/// The records of a block.
#[pyfunction]
fn decode<'py>(py: Python<'py>, block: Vec<u8>) -> PyResult<Bound<'py, PyList>> {
    let mut block = Block::new(Arc::new(block));
    let records = PyList::empty(py);
    while let Some(chunk) = block.next(py)? {
        (0..chunk.rows()).try_for_each(|row| records.append(chunk.get(py, row)?))?;
    }
    Ok(records)
}

/// The native half of `millstream`.
#[pymodule]
mod _native {
    /// The version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use super::avro::{PyAvroReader, PyAvroWriter};
    #[pymodule_export]
    use super::cluster::{PyCluster, job_failure, refuse, standing};
    #[pymodule_export]
    use super::command::command;
    #[pymodule_export]
    use super::driver::{PyDataset, PyEngine, serve_tasks};
    #[pymodule_export]
    use super::stores::{PyStoredFile, PyStoredFolder, stored_bytes, stored_files};
    #[pymodule_export]
    use super::stream::{PyStreamJob, PyStreamPlan, serve_streams};
    #[pymodule_export]
    use super::streaming::{PyBatches, PyKafkaRanges, PyRangeCutter, PyRangeReader};
    #[pymodule_export]
    use super::{deal, decode, encode, portable_hash, serve, split_by_key, stable_hash};
}
