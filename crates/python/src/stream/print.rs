//! The sinks of `print()` and of standard output: text, line by line, onto what Python calls standard output.
//!
//! Answers for one line a record, behind the prefix of its subtask where that is wanted. Not for making text of a record: the stretch in front
//! has done that.
//! Holds: at least once; lines of different subtasks are never mixed.

use std::sync::Arc;

use millstream_connectors::print::prefix;
use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::{Failure, Result};
use pyo3::prelude::*;

use super::chunk::Chunk;
use super::counts::Passed;

/// What stands before each record.
pub(super) enum Before {
    /// The identifier, and the subtask where there are several.
    Subtask(Option<String>),
    /// Nothing: the output is for another program.
    Nothing,
}

pub(super) struct Print {
    pub(super) before: Before,
    pub(super) passed: Arc<Passed>,
}

struct Writer {
    prefix: String,
    passed: Arc<Passed>,
}

impl Sink for Print {
    type Record = Chunk;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        match self.before {
            Before::Subtask(_) => "Print".into(),
            Before::Nothing => "StandardOutput".into(),
        }
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        let prefix = match &self.before {
            Before::Subtask(identifier) => prefix(identifier.as_deref(), context.subtask),
            Before::Nothing => String::new(),
        };
        Ok(Box::new(Writer { prefix, passed: self.passed.clone() }))
    }
}

impl SinkWriter<Chunk, (), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<Chunk>) -> Result<()> {
        for chunk in batch.take_records() {
            self.passed.came(chunk.rows());
            Python::attach(|py| {
                let printing = py.import("millstream._stream.printing")?;
                printing.call_method1("print_lines", (&self.prefix, chunk.records().list(py)?)).map(drop)
            })
            .map_err(|error: PyErr| {
                Failure::external("cannot write to standard output")
                    .because(error)
                    .advice("does the program at the other end of the pipe still read?")
            })?;
        }
        Ok(())
    }
}
