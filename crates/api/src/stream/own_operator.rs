//! Operators of the user's own: the contract that the engine's operators are built from, open to programs.
//!
//! Answers for putting such an operator behind a stream. Not for the contract: that is [`millstream_dataflow::operator`].
//! Holds: an own operator is named, counted, checkpointed and restored as any other.

use millstream_dataflow::operator::Operator;
use millstream_model::record::Record;

use super::DataStream;

impl<T: Record> DataStream<T> {
    /// Puts an operator of one's own behind this stream; each subtask has one that `make` makes, on the thread that runs
    /// it. For what [`DataStream::process`] cannot do: batches as a whole, watermarks, idleness, state that is no key's.
    ///
    /// It counts as one that keeps state: a job that is restored from a checkpoint in which it is missing is refused.
    ///
    /// ```
    /// use millstream::batch::Batch;
    /// use millstream::operator::{Operator, Output};
    /// use millstream::{Record, Result, StreamEnvironment};
    ///
    /// /// Emits how many records a batch has.
    /// struct Sizes;
    ///
    /// impl<T: Record> Operator<T, usize> for Sizes {
    ///     fn on_batch(&mut self, batch: &mut Batch<T>, output: &mut Output<usize>) -> Result<()> {
    ///         output.emit(batch.drain().count());
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let env = StreamEnvironment::new();
    /// let sizes = env.from_sequence(1, 5_000).operator("sizes", || Sizes).execute_and_collect("sizes")?;
    /// assert_eq!(sizes.iter().sum::<usize>(), 5_000);
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    pub fn operator<Out: Record, O: Operator<T, Out> + 'static>(
        &self,
        name: &str,
        make: impl Fn() -> O + Send + Sync + 'static,
    ) -> DataStream<Out> {
        self.transform(name, true, move |_| Box::new(make()))
    }
}
