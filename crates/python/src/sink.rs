//! What becomes of the records of a task: one block, or one for each reducer.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::calls::call1;
use crate::column::BlockWriter;
use crate::hash::portable_hash;
use crate::pipeline::{Loader, Pipeline, parts};
use crate::plan::{Partitioner, Sink};

/// How a reducer is chosen, with the function at hand.
enum Choice {
    Hash,
    Function(Py<PyAny>),
    Turns(u64),
}

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
            let choice = match partitioner {
                Partitioner::Hash => Choice::Hash,
                Partitioner::Function(at) => Choice::Function(loader.function(py, at)?),
                Partitioner::Turns(first) => Choice::Turns(first),
            };
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

impl Choice {
    #[inline]
    fn reducer(&mut self, record: &Bound<'_, PyAny>, count: i64) -> PyResult<usize> {
        let number = match self {
            Self::Hash => portable_hash(&parts(record)?.0)?.rem_euclid(count),
            Self::Function(function) => {
                let made = call1(function.bind(record.py()), &parts(record)?.0)?;
                made.call_method1("__mod__", (count,))?.extract::<i64>()?.rem_euclid(count)
            }
            Self::Turns(next) => {
                *next += 1;
                ((*next - 1) % count.unsigned_abs()).cast_signed()
            }
        };
        Ok(number as usize)
    }
}
