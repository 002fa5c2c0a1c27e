//! Streams of pairs.

use std::hash::Hash;
use std::sync::Arc;

use millstream_dataflow::state::{KeyData, StateData};
use millstream_model::record::Record;

use super::stream::DStream;
use crate::rdd::Cogrouped;

impl<K: Record, V: Record> DStream<(K, V)> {
    /// What `f` makes of each value, behind the key it had.
    pub fn map_values<U: Record>(&self, f: impl Fn(V) -> U + Send + Sync + 'static) -> DStream<(K, U)> {
        self.map(move |(key, value)| (key, f(value)))
    }

    /// All that `f` makes of each value, each behind the key it had.
    pub fn flat_map_values<I: IntoIterator<Item: Record> + 'static>(
        &self,
        f: impl Fn(V) -> I + Send + Sync + 'static,
    ) -> DStream<(K, I::Item)> {
        self.flat_map(move |(key, value)| {
            f(value).into_iter().map(|made| (key.clone(), made)).collect::<Vec<_>>()
        })
    }
}

/// Each batch on its own; for several batches together there are windows.
impl<K: KeyData + Hash, V: StateData> DStream<(K, V)> {
    /// The values of each key, made one by `f`.
    pub fn reduce_by_key(&self, f: impl Fn(V, V) -> V + Send + Sync + 'static) -> DStream<(K, V)> {
        let f = Arc::new(f);
        self.transform(move |rdd| {
            let f = Arc::clone(&f);
            rdd.reduce_by_key(move |a, b| f(a, b))
        })
    }

    /// All values of each key.
    pub fn group_by_key(&self) -> DStream<(K, Vec<V>)> {
        self.transform(|rdd| rdd.group_by_key())
    }

    /// The pairs in `partitions` partitions, equal keys together.
    pub fn partition_by(&self, partitions: usize) -> DStream<(K, V)> {
        self.transform(move |rdd| rdd.partition_by(partitions))
    }

    /// All values that each key has here and in the same batch of `other`.
    pub fn cogroup<W: StateData>(&self, other: &DStream<(K, W)>) -> DStream<Cogrouped<K, V, W>> {
        self.transform_with(other, |left, right| left.cogroup(&right))
    }

    /// Each pair of values that a key has here and in the same batch of `other`.
    pub fn join<W: StateData>(&self, other: &DStream<(K, W)>) -> DStream<(K, (V, W))> {
        self.transform_with(other, |left, right| left.join(&right))
    }
}
