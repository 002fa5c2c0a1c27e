//! Windows that are carried on from the one before: what has left is taken away, what has come is added.
//!
//! Holds: a slide costs as much as the batches that leave and enter and the keys that are in the window, however many
//! batches the window has; each window is materialised, so that no lineage grows behind it; a key is dropped when nothing
//! of it is left, so that the result is that of the same window without inverse.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::lineage::Codec;
use millstream_dataflow::state::{KeyData, StateData, detached};
use millstream_model::error::Result;
use millstream_model::key::hash::KeyHashBuilder;
use millstream_model::time::Timestamp;

use super::node::{AnyNode, Node};
use super::stream::DStream;
use crate::rdd::{Context, Rdd};
use millstream_runtime::microbatch::Timeline;

/// The value of a key over a window, and in how many of its batches the key is.
type Carried<K, V> = (K, (V, u64));

/// The value of a key in a batch that leaves the window, or in one that enters it.
type Change<K, V> = (K, (Option<V>, Option<V>));

impl<T: StateData> DStream<T> {
    /// As [`DStream::reduce_by_window`], carried on from slide to slide: `inverse(all, left)` takes away what `reduce`
    /// had added. Costs per slide, not per window.
    ///
    /// ```
    /// # use millstream::dstream::{QueueMode, StreamingContext};
    /// # use millstream::{rdd::Context, time::{hours, seconds}};
    /// # let context = Context::new()?;
    /// # let batches = StreamingContext::new(&context, seconds(1));
    /// # let amounts = batches.queue_stream(vec![context.range(0, 3)], QueueMode::OneAtATime, None);
    /// let sum = amounts.reduce_by_window_with_inverse(|a, b| a + b, |a, b| a - b, hours(1), seconds(1));
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    pub fn reduce_by_window_with_inverse(
        &self,
        reduce: impl Fn(T, T) -> T + Send + Sync + 'static,
        inverse: impl Fn(T, T) -> T + Send + Sync + 'static,
        window: Duration,
        slide: Duration,
    ) -> DStream<T> {
        let keyed = self.map(|record| ((), record));
        keyed.carried(reduce, inverse, window, slide, 1).map(|((), record)| record)
    }
}

impl<T: KeyData + Hash> DStream<T> {
    /// How often each record was there in the last `window`, every `slide`. Costs per slide, not per window.
    pub fn count_by_value_and_window(&self, window: Duration, slide: Duration) -> DStream<(T, u64)> {
        let ones = self.map(|record| (record, 1));
        ones.reduce_by_key_and_window_with_inverse(|a, b| a + b, |a, b| a - b, window, slide)
    }
}

impl<K: KeyData + Hash, V: StateData> DStream<(K, V)> {
    /// As [`DStream::reduce_by_key_and_window`], carried on from slide to slide: `inverse(all, left)` takes away what
    /// `reduce` had added. Costs per slide (and key in the window), not per batch in the window.
    ///
    /// A key of which nothing is left in the window is gone; no filter is needed for that.
    pub fn reduce_by_key_and_window_with_inverse(
        &self,
        reduce: impl Fn(V, V) -> V + Send + Sync + 'static,
        inverse: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: Duration,
    ) -> DStream<(K, V)> {
        self.carried(reduce, inverse, window, slide, self.context().parallelism())
    }

    fn carried(
        &self,
        reduce: impl Fn(V, V) -> V + Send + Sync + 'static,
        inverse: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: Duration,
        partitions: usize,
    ) -> DStream<(K, V)> {
        let Some((window, slide)) = self.fitting(window, slide) else { return self.clone() };
        let reduce = Arc::new(reduce);
        let first = Arc::clone(&reduce);
        let batches = self.reduce_by_key(move |a, b| first(a, b));
        batches.node.look_back(window.saturating_add(slide));
        batches.node.carry("batches of a window");
        let (context, keeper) = (self.context().clone(), Arc::clone(&self.graph.keeper));
        let (carry, source) =
            (Carry { reduce, inverse: Arc::new(inverse), partitions }, Arc::clone(&batches.node));
        let edges = Edges { window, slide, step: self.slide() };
        let parents = vec![batches.parent()];
        let carried = DStream::made(&self.graph, slide, parents, move |node: &Node<Carried<K, V>>, time| {
            let previous = match node.at(time - slide)? {
                Some(previous) if previous.partitions() == partitions => previous,
                // An earlier process had another number of task slots.
                Some(previous) => previous.partition_by(partitions),
                None => context.in_memory("window", vec![Vec::new(); partitions]),
            };
            let all = |times: Vec<Timestamp>| {
                let found = times.into_iter().filter_map(|time| source.at(time).transpose());
                Ok::<_, millstream_model::error::Failure>(context.union(&found.collect::<Result<Vec<_>>>()?))
            };
            let (leaving, entering) = (all(edges.leaving(time))?, all(edges.entering(time))?);
            let window = carry.on(&context, &previous, &leaving, &entering);
            keeper.keep(&window, "window", Some(Codec::of())).map(Some)
        });
        // Each window is asked for by the next.
        carried.node.remember(slide);
        carried.node.carry("window");
        carried.map_values(|(value, _)| value)
    }
}

/// Which batches leave and enter with a slide.
struct Edges {
    window: Duration,
    slide: Duration,
    step: Duration,
}

impl Edges {
    fn leaving(&self, time: Timestamp) -> Vec<Timestamp> {
        let before = time - self.slide;
        Timeline::times(before - self.window, before.min(time - self.window), self.step)
    }

    fn entering(&self, time: Timestamp) -> Vec<Timestamp> {
        Timeline::times((time - self.slide).max(time - self.window), time, self.step)
    }
}

/// How a window is made of the one before.
struct Carry<F, G> {
    reduce: Arc<F>,
    inverse: Arc<G>,
    partitions: usize,
}

impl<F, G> Carry<F, G> {
    fn on<K: KeyData + Hash, V: StateData>(
        &self,
        context: &Context,
        previous: &Rdd<Carried<K, V>>,
        leaving: &Rdd<(K, V)>,
        entering: &Rdd<(K, V)>,
    ) -> Rdd<Carried<K, V>>
    where
        F: Fn(V, V) -> V + Send + Sync + 'static,
        G: Fn(V, V) -> V + Send + Sync + 'static,
    {
        let left = leaving.map_values(|value| (Some(value), None));
        let entered = entering.map_values(|value| (None, Some(value)));
        let changes: Rdd<Change<K, V>> = context.union(&[left, entered]).partition_by(self.partitions);
        let (reduce, inverse) = (Arc::clone(&self.reduce), Arc::clone(&self.inverse));
        previous.zip_partitions("window", &changes, move |previous, changes| {
            let mut carried: HashMap<K, (V, u64), KeyHashBuilder> = previous.collect();
            for (key, (left, entered)) in changes {
                let before = carried.remove(&key);
                let after = match (before, left, entered) {
                    (Some((all, batches)), Some(left), _) if batches > 1 => {
                        Some((inverse(all, left), batches - 1))
                    }
                    (Some((all, batches)), None, Some(entered)) => Some((reduce(all, entered), batches + 1)),
                    (None, None, Some(entered)) => Some((entered, 1)),
                    // The last of the key has left.
                    _ => None,
                };
                if let Some(after) = after {
                    carried.insert(detached(key), after);
                }
            }
            carried
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(times: &[Timestamp]) -> Vec<i64> {
        times.iter().map(|time| time.millis() / 1000).collect()
    }

    #[test]
    fn what_leaves_was_in_the_window_before_and_what_enters_was_not() {
        let length = Duration::from_secs;
        let at = Timestamp::from_millis(20_000);
        let overlapping = Edges { window: length(5), slide: length(2), step: length(1) };
        assert_eq!(seconds(&overlapping.leaving(at)), [14, 15]);
        assert_eq!(seconds(&overlapping.entering(at)), [19, 20]);
        let apart = Edges { window: length(2), slide: length(5), step: length(1) };
        assert_eq!(seconds(&apart.leaving(at)), [14, 15], "all of the window before");
        assert_eq!(seconds(&apart.entering(at)), [19, 20]);
    }
}
