//! One record out for each one in, or the end of the job.

use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Operator, Output};
use millstream_model::error::{BoxError, Failure, Result};

/// Replaces each record by what a function makes of it; where the function gives an error, the job fails with it.
pub struct TryMap<F> {
    function: Arc<F>,
}

impl<F> TryMap<F> {
    /// A map by `function`, which is shared by all subtasks.
    pub fn new(function: Arc<F>) -> Self {
        Self { function }
    }
}

/// The failure that an error of user code is: itself, if it is one already.
pub fn user_failure(error: BoxError) -> Failure {
    match error.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(error) => Failure::user("the function gave an error").because(error),
    }
}

impl<In, Out, F> Operator<In, Out> for TryMap<F>
where
    F: Fn(In) -> Result<Out, BoxError> + Send + Sync,
{
    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        if batch.is_timed() {
            for (record, time) in batch.drain_timed() {
                output.emit_at((self.function)(record).map_err(user_failure)?, time);
            }
        } else {
            for record in batch.drain() {
                output.emit((self.function)(record).map_err(user_failure)?);
            }
        }
        Ok(())
    }
}
