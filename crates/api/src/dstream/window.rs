//! Several batches together: windows that are computed from all their batches.
//!
//! Holds: each batch is computed once, at its time, and kept as long as a window may ask for it; what it was computed
//! from is not kept.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::state::{KeyData, StateData};
use millstream_model::error::Result;
use millstream_model::record::Record;

use super::stream::DStream;
use millstream_runtime::microbatch::{Timeline, check_multiple};

impl<T: Record> DStream<T> {
    /// All records of the last `window`, every `slide`. Both must be multiples of the step of this stream.
    ///
    /// Each batch is kept in memory until the last window that holds it is done.
    pub fn window(&self, window: Duration, slide: Duration) -> DStream<T> {
        let Some((window, slide)) = self.fitting(window, slide) else { return self.clone() };
        self.node.look_back(window);
        let (parent, context, step) = (Arc::clone(&self.node), self.graph.context.clone(), self.slide());
        DStream::made(&self.graph, slide, vec![self.parent()], move |_, time| {
            let times = Timeline::times(time - window, time, step);
            let batches = times.into_iter().filter_map(|time| parent.at(time).transpose());
            Ok(Some(context.union(&batches.collect::<Result<Vec<_>>>()?)))
        })
    }

    /// The lengths, if they fit; what is wrong with them is told at the start.
    pub(super) fn fitting(&self, window: Duration, slide: Duration) -> Option<(Duration, Duration)> {
        let step = self.slide();
        if step.is_zero() {
            return None; // The interval itself is wrong, and that is told.
        }
        let checked =
            check_multiple("window", window, step).and_then(|()| check_multiple("slide", slide, step));
        let fits = checked.is_ok();
        self.graph.note(checked);
        fits.then_some((window, slide))
    }

    /// How many records the last `window` had, every `slide`. Costs per slide, not per window.
    pub fn count_by_window(&self, window: Duration, slide: Duration) -> DStream<u64> {
        self.count().reduce_by_window_with_inverse(|a, b| a + b, |a, b| a - b, window, slide)
    }
}

impl<T: StateData> DStream<T> {
    /// The records of the last `window` made one by `f` (associative and commutative), every `slide`; nothing where there
    /// is none. Each batch is reduced first, once.
    ///
    /// ```
    /// # use millstream::dstream::{QueueMode, StreamingContext};
    /// # use millstream::{rdd::Context, time::seconds};
    /// # let context = Context::new()?;
    /// # let batches = StreamingContext::new(&context, seconds(1));
    /// # let readings = batches.queue_stream(vec![context.range(0, 3)], QueueMode::OneAtATime, None);
    /// let highest = readings.reduce_by_window(|a, b| a.max(b), seconds(30), seconds(10));
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    pub fn reduce_by_window(
        &self,
        f: impl Fn(T, T) -> T + Send + Sync + 'static,
        window: Duration,
        slide: Duration,
    ) -> DStream<T> {
        let f = Arc::new(f);
        let first = Arc::clone(&f);
        let batches = self.reduce(move |a, b| first(a, b));
        batches.node.carry("batches of a window");
        batches.window(window, slide).reduce(move |a, b| f(a, b))
    }
}

impl<K: KeyData + Hash, V: StateData> DStream<(K, V)> {
    /// The values that each key had in the last `window`, made one by `f` (associative and commutative), every `slide`.
    /// Each batch is reduced first, once.
    pub fn reduce_by_key_and_window(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: Duration,
    ) -> DStream<(K, V)> {
        let f = Arc::new(f);
        let first = Arc::clone(&f);
        let batches = self.reduce_by_key(move |a, b| first(a, b));
        batches.node.carry("batches of a window");
        batches.window(window, slide).reduce_by_key(move |a, b| f(a, b))
    }

    /// All values that each key had in the last `window`, every `slide`.
    pub fn group_by_key_and_window(&self, window: Duration, slide: Duration) -> DStream<(K, Vec<V>)> {
        self.window(window, slide).group_by_key()
    }
}
