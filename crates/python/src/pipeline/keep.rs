//! Records that are kept on their way.

use pyo3::prelude::*;

use super::Pipeline;
use crate::column::BlockWriter;
use crate::host::Host;

/// Writes down what passes, and gives it to the host at the end. A partition of which only a part was asked for is not
/// kept.
pub(super) struct Keep {
    of: Pipeline,
    host: Host,
    place: (u64, u64),
    writer: Option<BlockWriter>,
}

impl Keep {
    /// `place` is the number of the data set and of its partition.
    pub(super) fn new(of: Pipeline, host: Host, place: (u64, u64)) -> Self {
        Self { of, host, place, writer: Some(BlockWriter::default()) }
    }

    pub(super) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let next = self.of.next(py)?;
        match (&next, &mut self.writer) {
            (Some(record), Some(writer)) => writer.push(record)?,
            (None, writer) => {
                if let Some(writer) = writer.take() {
                    self.host.keep(py, self.place, writer.finish(py)?)?;
                }
            }
            (Some(_), None) => {}
        }
        Ok(next)
    }
}
