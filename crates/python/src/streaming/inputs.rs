//! What the engine's inputs take in, as data sets of Python objects.

use std::sync::Arc;

use millstream_connectors::tcp::{Reconnect, TcpLines};
use millstream_dataflow::batch::Batch;
use millstream_formats::lines::OnBadText;
use millstream_model::error::Result;
use millstream_model::text::Text;
use millstream_model::time::Timestamp;
use millstream_runtime::microbatch::{HoldLimits, Input, NewFiles, Receiver, ReceiverEvents};
use pyo3::prelude::*;

use super::failed;
use super::program::PyProgram;
use crate::column::text_block;
use crate::driver::{Engine, PyDataset};

/// The lines of a socket: `received(number, time, dataset)`.
pub(super) fn socket(
    program: &Arc<PyProgram>,
    engine: &Arc<Engine>,
    number: usize,
    address: String,
    limits: HoldLimits,
    reconnect: Reconnect,
) -> Arc<dyn Input> {
    let name = format!("socket {address}");
    let source = TcpLines::connect(address).reconnect(reconnect).on_bad_text(OnBadText::Replace);
    let (program, engine) = (Arc::clone(program), Arc::clone(engine));
    let deliver = move |time: Timestamp, runs: Vec<Batch<Text>>| {
        let blocks = blocks(&runs, engine.slots());
        Python::attach(|py| {
            let dataset = Py::new(py, PyDataset::slices_of(&engine, "socketTextStream", blocks))?;
            program.call(py, "received", (number, time.millis(), dataset)).map(drop)
        })
        .map_err(failed)
    };
    Arc::new(Receiver::new(
        source,
        name,
        limits,
        |line: &Text| line.len() + size_of::<Text>(),
        Box::new(deliver),
    ))
}

/// The lines in blocks, one for each task slot at most.
fn blocks(runs: &[Batch<Text>], slots: usize) -> Vec<Vec<u8>> {
    let count = slots.min(runs.len());
    let part = |at: usize| &runs[runs.len() * at / count..runs.len() * (at + 1) / count];
    (0..count)
        .map(|at| text_block(part(at).iter().flat_map(|run| run.records()).map(Text::as_bytes)))
        .collect()
}

/// The files that appear in a folder: `found(number, time, paths)`.
pub(super) fn new_files(program: &Arc<PyProgram>, number: usize, folder: &str) -> Arc<dyn Input> {
    let program = Arc::clone(program);
    Arc::new(NewFiles::new(folder.into(), move |time, files| {
        Python::attach(|py| program.call(py, "found", (number, time.millis(), files)).map(drop))
            .map_err(failed)
    }))
}

/// What the graph has itself: `cut(number, time)`.
pub(super) struct Own {
    pub(super) program: Arc<PyProgram>,
    pub(super) number: usize,
}

impl Input for Own {
    fn name(&self) -> String {
        "a queueStream".to_owned()
    }

    fn start(&self, _: &ReceiverEvents) -> Result<()> {
        Ok(())
    }

    fn cut(&self, time: Timestamp) -> Result<u64> {
        Python::attach(|py| self.program.call(py, "cut", (self.number, time.millis())).map(drop))
            .map_err(failed)?;
        Ok(0)
    }
}
