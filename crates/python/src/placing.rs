//! Which receiver of an exchange gets which record of a list.
//!
//! Answers for lists of one receiver each, in the order of the records. Not for sending them.
//! Holds: a key's receiver is the one that owns its key group in the engine.

use millstream_model::key::{KeyGroup, MaxParallelism, key_group_of, subtask_of};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::hash::stable_hash;

/// The records of one receiver, and their times where they have any; `None` if there are none.
pub(crate) type Part<'py> = Option<(Bound<'py, PyList>, Option<Bound<'py, PyList>>)>;

fn scatter<'py>(
    records: &Bound<'py, PyList>,
    times: Option<&Bound<'py, PyList>>,
    receivers: u16,
    mut choose: impl FnMut(usize) -> PyResult<u16>,
) -> PyResult<Vec<Part<'py>>> {
    let py = records.py();
    let mut parts: Vec<Part<'py>> = (0..receivers).map(|_| None).collect();
    for (at, record) in records.iter().enumerate() {
        let to = usize::from(choose(at)?);
        let Some(part) = parts.get_mut(to) else {
            return Err(PyValueError::new_err(format!(
                "receiver {to} was chosen, but there are {receivers}"
            )));
        };
        let (list, stamps) =
            part.get_or_insert_with(|| (PyList::empty(py), times.map(|_| PyList::empty(py))));
        list.append(record)?;
        if let (Some(times), Some(stamps)) = (times, stamps) {
            stamps.append(times.get_item(at)?)?;
        }
    }
    Ok(parts)
}

/// By the key groups of the records' keys.
pub(crate) fn by_key<'py>(
    records: &Bound<'py, PyList>,
    times: Option<&Bound<'py, PyList>>,
    keys: &Bound<'py, PyList>,
    receivers: u16,
    max_parallelism: u32,
) -> PyResult<Vec<Part<'py>>> {
    let max =
        MaxParallelism::new(max_parallelism).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let table: Vec<u16> = (0..max.get()).map(|group| subtask_of(KeyGroup(group), receivers, max)).collect();
    scatter(records, times, receivers, |at| {
        let hash = stable_hash(&keys.get_item(at)?)?;
        let group = key_group_of(hash.cast_unsigned(), max);
        Ok(table.get(usize::from(group.0)).copied().unwrap_or(0))
    })
}

/// In turn.
pub(crate) fn in_turn<'py>(
    records: &Bound<'py, PyList>,
    times: Option<&Bound<'py, PyList>>,
    receivers: u16,
    first: u16,
) -> PyResult<Vec<Part<'py>>> {
    let receivers_at = usize::from(receivers.max(1));
    scatter(records, times, receivers, |at| Ok(((at + usize::from(first)) % receivers_at) as u16))
}
