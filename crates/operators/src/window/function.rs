//! What is kept of a window's records, and what is emitted of it.

use std::sync::Arc;

use millstream_dataflow::operator::Output;
use millstream_dataflow::state::StateData;
use millstream_model::error::{BoxError, Result};
use millstream_model::time::Timestamp;

use super::TimeWindow;
use crate::rejects::user_failure;

/// Aggregates records without keeping them.
pub trait AggregateFunction<In> {
    /// What is kept.
    type Acc: StateData;
    /// What is emitted.
    type Out;

    /// What is kept of no records.
    fn create_accumulator(&self) -> Self::Acc;
    /// Takes a record in.
    fn add(&self, accumulator: &mut Self::Acc, record: In);
    /// What is emitted.
    fn get_result(&self, accumulator: &Self::Acc) -> Self::Out;
    /// One accumulator of two.
    fn merge(&self, left: Self::Acc, right: Self::Acc) -> Self::Acc;
}

/// Looks at all the records of a window at once.
pub trait ProcessWindowFunction<K, In, Out> {
    /// Emits what it finds in the window's records, which are in the order in which they came.
    ///
    /// # Errors
    /// What the function gives; the job fails with it.
    fn process(
        &self,
        key: &K,
        window: &TimeWindow,
        records: &[In],
        output: &mut WindowOutput<'_, Out>,
    ) -> Result<(), BoxError>;
}

/// Where a window function emits; results have the time of the window's last moment.
pub struct WindowOutput<'a, Out> {
    pub(super) output: &'a mut Output<Out>,
    pub(super) time: Timestamp,
}

impl<Out> WindowOutput<'_, Out> {
    /// Emits a result.
    pub fn emit(&mut self, result: Out) {
        self.output.emit_at(result, self.time);
    }
}

/// What a window operator does with records: [`Aggregating`], [`Reducing`] or [`Processing`].
pub trait WindowFunction<K, In, Out> {
    /// What is kept per key and window.
    type Acc: StateData;

    /// What is kept of no records.
    fn create(&self) -> Self::Acc;
    /// Takes a record in.
    fn add(&self, held: &mut Self::Acc, record: In);
    /// Emits for one key and window.
    ///
    /// # Errors
    /// What user code gives.
    fn emit(
        &self,
        key: &K,
        window: &TimeWindow,
        held: &Self::Acc,
        output: &mut WindowOutput<'_, Out>,
    ) -> Result<()>;
}

/// Emits the result of an [`AggregateFunction`].
pub struct Aggregating<A>(pub Arc<A>);

impl<K, In, A: AggregateFunction<In>> WindowFunction<K, In, A::Out> for Aggregating<A> {
    type Acc = A::Acc;

    fn create(&self) -> A::Acc {
        self.0.create_accumulator()
    }

    fn add(&self, held: &mut A::Acc, record: In) {
        self.0.add(held, record);
    }

    fn emit(
        &self,
        _: &K,
        _: &TimeWindow,
        held: &A::Acc,
        output: &mut WindowOutput<'_, A::Out>,
    ) -> Result<()> {
        output.emit(self.0.get_result(held));
        Ok(())
    }
}

/// Reduces the records of a window to one by a function of what is there and what came.
pub struct Reducing<F>(pub Arc<F>);

impl<K, T: StateData, F: Fn(T, T) -> T> WindowFunction<K, T, T> for Reducing<F> {
    type Acc = Option<T>;

    fn create(&self) -> Option<T> {
        None
    }

    fn add(&self, held: &mut Option<T>, record: T) {
        *held = Some(match held.take() {
            Some(before) => (self.0)(before, record),
            None => record,
        });
    }

    fn emit(&self, _: &K, _: &TimeWindow, held: &Option<T>, output: &mut WindowOutput<'_, T>) -> Result<()> {
        if let Some(held) = held {
            output.emit(held.clone());
        }
        Ok(())
    }
}

/// Keeps all records for a [`ProcessWindowFunction`].
pub struct Processing<P>(pub Arc<P>);

impl<K, In, Out, P> WindowFunction<K, In, Out> for Processing<P>
where
    In: StateData,
    P: ProcessWindowFunction<K, In, Out>,
{
    type Acc = Vec<In>;

    fn create(&self) -> Vec<In> {
        Vec::new()
    }

    fn add(&self, held: &mut Vec<In>, record: In) {
        held.push(record);
    }

    fn emit(
        &self,
        key: &K,
        window: &TimeWindow,
        held: &Vec<In>,
        output: &mut WindowOutput<'_, Out>,
    ) -> Result<()> {
        self.0.process(key, window, held, output).map_err(user_failure)
    }
}
