//! Any number of records out for each one in.

use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Operator, Output};
use millstream_model::error::Result;

/// Replaces each record by those that a function makes of it; they have its time.
pub struct FlatMap<F> {
    function: Arc<F>,
}

impl<F> FlatMap<F> {
    /// A flat map by `function`, which is shared by all subtasks.
    pub fn new(function: Arc<F>) -> Self {
        Self { function }
    }
}

impl<In, Out, I, F> Operator<In, Out> for FlatMap<F>
where
    I: IntoIterator<Item = Out>,
    F: Fn(In) -> I + Send + Sync,
{
    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        // Two loops, so that records without times pay nothing for them.
        if batch.is_timed() {
            for (record, time) in batch.drain_timed() {
                for made in (self.function)(record) {
                    output.emit_at(made, time);
                }
            }
        } else {
            for record in batch.drain() {
                for made in (self.function)(record) {
                    output.emit(made);
                }
            }
        }
        Ok(())
    }
}
