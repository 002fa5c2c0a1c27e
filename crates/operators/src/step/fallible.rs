//! The steps whose functions can give an error: `try_map`, `try_filter`, `try_flat_map`.
//!
//! Answers for one loop over records that may be rejected. Not for what becomes of those: that is
//! [`crate::rejects`]'s.
//! Holds: records leave in the order in which they came, and those behind a rejected one are handled as if it had not
//! been there.

use std::marker::PhantomData;
use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{Operator, OperatorContext, Output};
use millstream_model::error::{BoxError, Result};
use millstream_model::record::Record;

use crate::rejects::{RecordPlace, Rejects};

/// Makes of each record what a function makes of it: one record, none, or many; or an error.
pub struct TryFlatMap<In, I, F> {
    function: F,
    rejects: Rejects<In>,
    types: PhantomData<fn() -> I>,
}

impl<In: Record, I, F: Fn(In) -> Result<I, BoxError>> TryFlatMap<In, I, F> {
    /// A flat map by `function`.
    pub fn new(function: F) -> Self {
        Self { function, rejects: Rejects::default(), types: PhantomData }
    }

    /// With side outputs, which the link shares.
    #[must_use]
    pub fn with_sides(mut self, sides: SharedSides) -> Self {
        self.rejects.set_sides(sides);
        self
    }
}

/// A map whose function can give an error.
pub fn try_map<In, Out, F>(
    function: Arc<F>,
) -> TryFlatMap<In, Option<Out>, impl Fn(In) -> Result<Option<Out>, BoxError> + Send + Sync>
where
    In: Record,
    F: Fn(In) -> Result<Out, BoxError> + Send + Sync,
{
    TryFlatMap::new(move |record| function(record).map(Some))
}

/// A filter whose function can give an error.
pub fn try_filter<T, F>(
    keep: Arc<F>,
) -> TryFlatMap<T, Option<T>, impl Fn(T) -> Result<Option<T>, BoxError> + Send + Sync>
where
    T: Record,
    F: Fn(&T) -> Result<bool, BoxError> + Send + Sync,
{
    TryFlatMap::new(move |record| keep(&record).map(|is_kept| is_kept.then_some(record)))
}

/// A flat map whose function can give an error.
pub fn try_flat_map<In, Out, I, F>(
    function: Arc<F>,
) -> TryFlatMap<In, I, impl Fn(In) -> Result<I, BoxError> + Send + Sync>
where
    In: Record,
    I: IntoIterator<Item = Out>,
    F: Fn(In) -> Result<I, BoxError> + Send + Sync,
{
    TryFlatMap::new(move |record| function(record))
}

impl<In, Out, I, F> Operator<In, Out> for TryFlatMap<In, I, F>
where
    In: Record,
    I: IntoIterator<Item = Out>,
    F: Fn(In) -> Result<I, BoxError>,
{
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        self.rejects.open(context);
        Ok(())
    }

    fn on_batch(&mut self, batch: &mut Batch<In>, output: &mut Output<Out>) -> Result<()> {
        let (origin, is_timed) = (batch.origin().cloned(), batch.is_timed());
        for (index, (record, time)) in batch.drain_timed().enumerate() {
            let (kept, time) = (self.rejects.keep(&record), is_timed.then_some(time));
            match (self.function)(record) {
                Ok(made) => match time {
                    Some(time) => made.into_iter().for_each(|one| output.emit_at(one, time)),
                    None => made.into_iter().for_each(|one| output.emit(one)),
                },
                Err(error) => {
                    let place = RecordPlace { origin: origin.as_ref(), index, time };
                    self.rejects.take(error, kept, &place)?;
                }
            }
        }
        Ok(())
    }
}
