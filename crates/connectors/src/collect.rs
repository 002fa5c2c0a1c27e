//! A sink into the memory of the program.
//!
//! Answers for handing records to the program as they come. Not for taking back what a failed attempt had written.
//! Holds: at least once; the records of one subtask are in its order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
use millstream_model::error::Result;
use millstream_model::record::Record;

/// Gathers records for a [`CollectHandle`].
#[derive(Debug)]
pub struct Collect<T>(Arc<Mutex<Vec<T>>>);

/// Where the program finds what a [`Collect`] has gathered, while the job runs and after.
#[derive(Clone, Debug)]
pub struct CollectHandle<T>(Arc<Mutex<Vec<T>>>);

/// A list that is only ever appended to or taken is whole even if a thread died holding it.
fn open<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Record> Collect<T> {
    /// The sink, and the handle of what it gathers.
    #[allow(clippy::new_ret_no_self)] // The sink is of no use without the handle.
    pub fn new() -> (Self, CollectHandle<T>) {
        let list = Arc::new(Mutex::new(Vec::new()));
        (Self(list.clone()), CollectHandle(list))
    }
}

impl<T> CollectHandle<T> {
    /// Takes out what has come so far.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *open(&self.0))
    }
}

struct Writer<T>(Arc<Mutex<Vec<T>>>);

impl<T> SinkWriter<T, (), ()> for Writer<T> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        open(&self.0).extend(batch.drain());
        batch.clear();
        Ok(())
    }
}

impl<T: Record> Sink for Collect<T> {
    type Record = T;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Collect".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Writer(self.0.clone())))
    }
}
