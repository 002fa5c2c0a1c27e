//! Some of the records.

use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Operator, Output};
use millstream_model::error::Result;

/// Keeps the records that a function is true for.
pub struct Filter<F> {
    keep: Arc<F>,
}

impl<F> Filter<F> {
    /// A filter by `keep`, which is shared by all subtasks.
    pub fn new(keep: Arc<F>) -> Self {
        Self { keep }
    }
}

impl<T, F: Fn(&T) -> bool + Send + Sync> Operator<T, T> for Filter<F> {
    fn on_batch(&mut self, batch: &mut Batch<T>, output: &mut Output<T>) -> Result<()> {
        batch.drop_hashes();
        batch.retain(&*self.keep);
        output.forward(batch);
        Ok(())
    }
}
