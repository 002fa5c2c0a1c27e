//! What becomes of the records of a task: one block, or one for each reducer.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::choice::Choice;
use crate::column::BlockWriter;
use crate::pipeline::{Loader, Pipeline};
use crate::plan::Sink;

/// Takes all records.
pub(crate) fn drain(
    py: Python<'_>,
    loader: &Loader<'_>,
    mut records: Pipeline,
    sink: Sink,
) -> PyResult<Vec<Arc<Vec<u8>>>> {
    let (mut writers, mut choice) = match sink {
        Sink::Collect => (vec![BlockWriter::default()], None),
        Sink::Shuffle { reducers, partitioner } => {
            let count = usize::try_from(reducers).map_err(|_| PyValueError::new_err("too many reducers"))?;
            let choice = Choice::of(py, loader, partitioner)?;
            ((0..count).map(|_| BlockWriter::default()).collect(), Some(choice))
        }
    };
    let count = writers.len() as i64;
    while let Some(record) = records.next(py)? {
        let reducer = match &mut choice {
            None => 0,
            Some(choice) => choice.reducer(&record, count)?,
        };
        if let Some(writer) = writers.get_mut(reducer) {
            writer.push(&record)?;
        }
    }
    writers.into_iter().map(|writer| writer.finish(py).map(Arc::new)).collect()
}
