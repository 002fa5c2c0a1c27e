//! One record out for each one in.

use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Operator, Output};
use millstream_model::error::Result;

/// Replaces each record by what a function makes of it, in the batch's own memory where the sizes allow.
pub struct Map<F> {
    function: Arc<F>,
}

impl<F> Map<F> {
    /// A map by `function`, which is shared by all subtasks.
    pub fn new(function: Arc<F>) -> Self {
        Self { function }
    }
}

impl<In, Out, F: Fn(In) -> Out + Send + Sync> Operator<In, Out> for Map<F> {
    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        batch.drop_hashes();
        output.forward(&mut batch.map(&*self.function));
        Ok(())
    }
}
