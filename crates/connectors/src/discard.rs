//! A sink that drops what it gets: for measuring and for trying out.
//!
//! Holds: it stores nothing, so that nothing in it can be lost or doubled.

use std::marker::PhantomData;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::Result;
use millstream_model::record::Record;

/// Drops every record.
#[derive(Clone, Debug)]
pub struct Discard<T>(PhantomData<fn(T)>);

impl<T> Discard<T> {
    /// A sink that drops.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Discard<T> {
    fn default() -> Self {
        Self::new()
    }
}

struct Writer;

impl<T> SinkWriter<T, (), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        batch.clear();
        Ok(())
    }
}

impl<T: Record> Sink for Discard<T> {
    type Record = T;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Discard".into()
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer))
    }
}
