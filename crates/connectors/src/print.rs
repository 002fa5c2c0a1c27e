//! A sink onto standard output.
//!
//! Answers for one line a record, with the subtask before it where there are several. Not for colours or tables.
//! Holds: at least once; lines of different subtasks are never mixed.

use std::fmt::{Display, Write as _};
use std::io::Write;
use std::marker::PhantomData;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use millstream_model::record::Record;

/// Prints each record on a line: `N> record` at a parallelism above 1, where `N` is the subtask, from 1.
#[derive(Clone, Debug)]
pub struct Print<T> {
    identifier: Option<String>,
    record: PhantomData<fn(T)>,
}

impl<T> Print<T> {
    /// Prints without identifier.
    pub fn new() -> Self {
        Self { identifier: None, record: PhantomData }
    }

    /// Prints `identifier> ` (`identifier:N> ` at a parallelism above 1) before each record.
    #[must_use]
    pub fn identified(mut self, identifier: impl Into<String>) -> Self {
        self.identifier = Some(identifier.into());
        self
    }
}

/// What stands before each record of a subtask: `identifier:N> `, of which the identifier is left out where there is none,
/// and the number where there is one subtask.
pub fn prefix(identifier: Option<&str>, subtask: Subtask) -> String {
    let number = (subtask.of > 1).then(|| (subtask.index + 1).to_string());
    match (identifier, number) {
        (None, None) => String::new(),
        (Some(identifier), None) => format!("{identifier}> "),
        (None, Some(number)) => format!("{number}> "),
        (Some(identifier), Some(number)) => format!("{identifier}:{number}> "),
    }
}

impl<T> Default for Print<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes records on lines, each behind a prefix.
pub(crate) struct Writer<W> {
    prefix: String,
    text: String,
    output: W,
}

impl<W> Writer<W> {
    pub(crate) fn new(prefix: String, output: W) -> Self {
        Self { prefix, text: String::new(), output }
    }
}

impl<T: Display, W: Write> SinkWriter<T, (), ()> for Writer<W> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.text.clear();
        for record in batch.drain() {
            writeln!(self.text, "{}{record}", self.prefix)
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

impl<T: Record + Display> Sink for Print<T> {
    type Record = T;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Print".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        let prefix = prefix(self.identifier.as_deref(), context.subtask);
        Ok(Box::new(Writer::new(prefix, std::io::stdout())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use millstream_testkit::conformance::check_sink;

    use super::*;

    fn printed(print: &Print<u32>, subtask: Subtask) -> String {
        let mut writer = Writer::new(prefix(print.identifier.as_deref(), subtask), Vec::new());
        writer.write(&mut Batch::from(vec![7_u32, 8])).unwrap();
        String::from_utf8(writer.output).unwrap()
    }

    #[test]
    fn the_prefix_tells_the_subtask_only_where_there_are_several() {
        let (one, second) = (Subtask { index: 0, of: 1 }, Subtask { index: 1, of: 2 });
        assert_eq!(printed(&Print::new(), one), "7\n8\n");
        assert_eq!(printed(&Print::new(), second), "2> 7\n2> 8\n");
        assert_eq!(printed(&Print::new().identified("out"), one), "out> 7\nout> 8\n");
        assert_eq!(printed(&Print::new().identified("out"), second), "out:2> 7\nout:2> 8\n");
    }

    /// The same sink onto text in memory.
    struct Shown(Print<u32>, Arc<Mutex<Vec<u8>>>);

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Sink for Shown {
        type Record = u32;
        type Staged = ();
        type State = ();

        fn name(&self) -> String {
            Sink::name(&self.0)
        }

        fn promise(&self) -> Promise {
            self.0.promise()
        }

        fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
            let prefix = prefix(self.0.identifier.as_deref(), context.subtask);
            Ok(Box::new(Writer::new(prefix, Lines(self.1.clone()))))
        }
    }

    #[test]
    fn what_is_printed_keeps_what_the_sink_promises() {
        let make = || {
            let text = Arc::<Mutex<Vec<u8>>>::default();
            let shown = text.clone();
            let visible: Box<dyn Fn() -> Vec<String>> = Box::new(move || {
                let text = String::from_utf8(shown.lock().unwrap().clone()).unwrap();
                text.lines().map(str::to_owned).collect()
            });
            (Shown(Print::new(), text), visible)
        };
        check_sink(make, &[1, 2, 3, 4], u32::to_string);
    }

    #[test]
    fn a_closed_pipe_is_said() {
        let mut output = [0_u8; 1];
        let mut writer = Writer::new(String::new(), output.as_mut_slice());
        let error = writer.write(&mut Batch::from(vec![100])).unwrap_err().to_string();
        assert!(error.starts_with("cannot write to standard output\n  caused by: "), "{error}");
    }
}
