//! Values that the functions of tasks share with the program: accumulators, which they add to, and broadcast values, which they
//! read.
//!
//! Holds: a broadcast value is the same in every process of the program.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use millstream_dataflow::state::StateData;
use millstream_model::error::Result;
use millstream_runtime::stage::Accumulator;

use super::Context;

/// A value that the functions of tasks read, made by [`Context::broadcast`]. Cheap to clone.
pub struct Broadcast<T>(Arc<T>);

impl<T> Clone for Broadcast<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Broadcast<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Broadcast<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Broadcast").field(&self.0).finish()
    }
}

impl Context {
    /// A value that all tasks read. On a cluster it is the master's in all processes, whatever the others made: so it may come
    /// from a file that one machine has, from the clock, or from a `HashMap`. What is costly to make is made by one process
    /// with [`Context::once`] first.
    ///
    /// ```
    /// use millstream::rdd::Context;
    ///
    /// let context = Context::builder().parallelism(2).build()?;
    /// let stop_words = context.broadcast(vec!["the".to_string(), "a".to_string()])?;
    /// let words = context.parallelize(["the".to_string(), "mill".to_string()]);
    /// let left = words.filter(move |word| !stop_words.contains(word)).collect()?;
    /// assert_eq!(left, ["mill"]);
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    ///
    /// # Errors
    /// If it is called inside a task, or the value cannot be told to the other processes.
    #[track_caller]
    pub fn broadcast<T: StateData>(&self, value: T) -> Result<Broadcast<T>> {
        let at = Location::caller();
        let what = format!("the broadcast value of {}:{}", at.file(), at.line());
        Ok(Broadcast(Arc::new(self.engine.tell(&what, value)?)))
    }

    /// A value that tasks add to and the program reads: `zero` at first, and for each task; `merge` adds to it, in any order.
    ///
    /// ```
    /// use millstream::rdd::Context;
    ///
    /// let context = Context::builder().parallelism(2).build()?;
    /// let longest = context.accumulator("longest", 0, |longest: &mut usize, length| *longest = length.max(*longest))?;
    /// let seen = longest.clone();
    /// let words = context.parallelize(["to".to_string(), "question".to_string()]);
    /// words.for_each(move |word| seen.add(word.len()))?;
    /// assert_eq!(longest.value()?, 8);
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    ///
    /// # Errors
    /// If it is called inside a task.
    #[track_caller]
    pub fn accumulator<V: StateData>(
        &self,
        name: &str,
        zero: V,
        merge: impl Fn(&mut V, V) + Send + Sync + 'static,
    ) -> Result<Accumulator<V>> {
        self.engine.accumulator(name, zero, merge)
    }

    /// A sum of whole numbers, which wraps around beyond 64 bits.
    ///
    /// # Errors
    /// As [`Context::accumulator`].
    #[track_caller]
    pub fn long_accumulator(&self, name: &str) -> Result<Accumulator<i64>> {
        self.accumulator(name, 0, |sum, more| *sum = sum.wrapping_add(more))
    }

    /// A sum of floating-point numbers. Tasks are added in the order in which they end, so its last digits may differ from run
    /// to run.
    ///
    /// # Errors
    /// As [`Context::accumulator`].
    #[track_caller]
    pub fn double_accumulator(&self, name: &str) -> Result<Accumulator<f64>> {
        self.accumulator(name, 0.0, |sum, more| *sum += more)
    }

    /// All values that were added, in no certain order. A task adds one with `update(|all| all.push(value))`; up to 16 MiB in
    /// each task on a cluster.
    ///
    /// # Errors
    /// As [`Context::accumulator`].
    #[track_caller]
    pub fn collection_accumulator<T: StateData>(&self, name: &str) -> Result<Accumulator<Vec<T>>> {
        self.accumulator(name, Vec::new(), |all: &mut Vec<T>, mut more| all.append(&mut more))
    }
}
