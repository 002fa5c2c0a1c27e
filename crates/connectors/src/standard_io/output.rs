//! Records on standard output, for the next program of a pipe.

use std::fmt::Display;
use std::marker::PhantomData;

use millstream_dataflow::sink::{Sink, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::Result;
use millstream_model::record::Record;

use crate::print::Writer;

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
        Ok(Box::new(Writer::new(String::new(), std::io::stdout())))
    }
}
