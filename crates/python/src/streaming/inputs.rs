//! What the engine's inputs take in, as data sets of Python objects.

use std::sync::Arc;

use millstream_connectors::tcp::{Reconnect, TcpLines};
use millstream_dataflow::batch::Batch;
use millstream_formats::lines::OnBadText;
use millstream_model::error::Result;
use millstream_model::text::Text;
use millstream_model::time::Timestamp;
use millstream_runtime::microbatch::{HoldLimits, Input, Logged, NewFiles, Receiver, ReceiverEvents};
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
        // As text: a `pathlib.Path` would not keep the two slashes of a location.
        let files: Vec<_> = files.iter().map(|path| path.as_os_str()).collect();
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

/// What the graph says of a batch, and is told again: `planned_start(number)`, `planned_cut(number, time)`, which gives how
/// many records there are, `planned_log(number)`, which gives where it stands and what the batch was given,
/// `planned_resume(number, position)`, `planned_again(number, time, batch)`, `planned_done(number, time)`.
pub(super) struct Planned {
    pub(super) program: Arc<PyProgram>,
    pub(super) number: usize,
    pub(super) name: String,
}

impl Input for Planned {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn start(&self, _: &ReceiverEvents) -> Result<()> {
        self.program.tell("planned_start", |py| Ok((self.number,).into_pyobject(py)?.unbind()))
    }

    fn cut(&self, time: Timestamp) -> Result<u64> {
        self.program.ask("planned_cut", |py| Ok((self.number, time.millis()).into_pyobject(py)?.unbind()))
    }

    fn log(&self) -> Logged {
        let logged = self.program.ask("planned_log", |py| Ok((self.number,).into_pyobject(py)?.unbind()));
        let (position, batch) = logged.unwrap_or_else(|failure| {
            tracing::error!(%failure, "what a batch was given is not known");
            (Vec::new(), Vec::new())
        });
        Logged { position, batch }
    }

    fn resume(&self, position: &[String]) -> Result<()> {
        self.program.tell("planned_resume", |py| Ok((self.number, position).into_pyobject(py)?.unbind()))
    }

    fn again(&self, time: Timestamp, batch: &[String]) -> Result<()> {
        self.program
            .tell("planned_again", |py| Ok((self.number, time.millis(), batch).into_pyobject(py)?.unbind()))
    }

    fn done(&self, time: Timestamp) {
        let told = self
            .program
            .tell("planned_done", |py| Ok((self.number, time.millis()).into_pyobject(py)?.unbind()));
        if let Err(failure) = told {
            tracing::warn!(%failure, "an input could not be told that a batch is done");
        }
    }
}
