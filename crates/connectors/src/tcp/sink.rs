//! Lines to a server.

use std::fmt::{Display, Write as _};
use std::io::Write;
use std::marker::PhantomData;
use std::net::TcpStream;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use super::reconnect::{Attempts, Reconnect};

/// Sends each record on a line to a server; each subtask has its own connection.
///
/// ```
/// use millstream_connectors::tcp::TcpSink;
/// let sink = TcpSink::<u64>::connect("localhost:9998");
/// ```
#[derive(Clone, Debug)]
pub struct TcpSink<T> {
    address: String,
    record: PhantomData<fn(T)>,
}

impl<T> TcpSink<T> {
    /// A sink to `host:port`.
    pub fn connect(address: impl Into<String>) -> Self {
        Self { address: address.into(), record: PhantomData }
    }
}

struct Writer {
    address: String,
    stream: TcpStream,
    text: String,
}

impl<T: Display> SinkWriter<T, (), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.text.clear();
        for record in batch.drain() {
            writeln!(self.text, "{record}")
                .map_err(|error| Failure::user("a record cannot be shown as text").because(error))?;
        }
        batch.clear();
        self.stream.write_all(self.text.as_bytes()).map_err(|error| {
            Failure::external(format!("cannot write to the connection to {}", self.address))
                .because(error)
                .advice("a job with checkpoints and a restart strategy sends again from the last checkpoint")
        })
    }
}

impl<T: Record + Display> Sink for TcpSink<T> {
    type Record = T;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "TcpSink".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        let mut attempts = Attempts::new(Reconnect::default());
        let stream = attempts.connect(&self.address)?;
        let stream = stream.ok_or_else(|| Failure::internal("a connection was to be tried again"))?;
        Ok(Box::new(Writer { address: self.address.clone(), stream, text: String::new() }))
    }
}
