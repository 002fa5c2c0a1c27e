//! Records on standard output, for the next program of a pipe.

use std::fmt::{Display, Write as _};
use std::io::Write;
use std::marker::PhantomData;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

/// Writes each record on a line of standard output and nothing else: no subtask before it, as
/// [`Print`](crate::print::Print) has it.
///
/// At least once across a kill; lines of different subtasks are never mixed.
///
/// ```
/// use millstream_connectors::standard_io::StandardOutput;
///
/// let sink = StandardOutput::<String>::lines();
/// ```
#[derive(Clone, Debug)]
pub struct StandardOutput<T>(PhantomData<fn(T)>);

impl<T> StandardOutput<T> {
    /// Records on lines.
    pub fn lines() -> Self {
        Self(PhantomData)
    }
}

pub(super) struct Writer<W> {
    text: String,
    output: W,
}

impl<W> Writer<W> {
    pub(super) fn new(output: W) -> Self {
        Self { text: String::new(), output }
    }
}

impl<T: Display, W: Write> SinkWriter<T, (), ()> for Writer<W> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.text.clear();
        for record in batch.drain() {
            writeln!(self.text, "{record}")
                .map_err(|error| Failure::user("a record cannot be shown as text").because(error))?;
        }
        batch.clear();
        // One call for the batch: standard output is locked for the whole of it.
        self.output.write_all(self.text.as_bytes()).and_then(|()| self.output.flush()).map_err(|error| {
            Failure::external("cannot write to standard output")
                .because(error)
                .advice("does the program at the other end of the pipe still read?")
        })
    }
}

impl<T: Record + Display> Sink for StandardOutput<T> {
    type Record = T;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "StandardOutput".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer::new(std::io::stdout())))
    }
}
