//! State that is carried from batch to batch, by key.
//!
//! Holds: the state of a batch is computed once, from the state of the batch before and the batch's own records, and is
//! materialised: no lineage grows behind it, and the state of earlier batches is let go. State stays in the partition of
//! its key: only the batch's records are shuffled.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use millstream_dataflow::lineage::Codec;
use millstream_dataflow::state::{KeyData, StateData, detached};
use millstream_model::key::hash::KeyHashBuilder;

use super::node::{AnyNode, Node};
use super::stream::DStream;
use crate::rdd::Rdd;

/// What a key has before an update: its new values, its state.
type Due<V, S> = (Vec<V>, Option<S>);

impl<K: KeyData + Hash, V: StateData> DStream<(K, V)> {
    /// The state of each key, as `update` makes it for each batch of the key's new values (none, perhaps) and of its
    /// state (none at first). `update` is called for each key that has either; `None` drops the key.
    ///
    /// The state is computed and kept in memory batch by batch; its lineage does not grow.
    ///
    /// ```
    /// # use millstream::dstream::{QueueMode, StreamingContext};
    /// # use millstream::{rdd::Context, time::seconds};
    /// # let context = Context::new()?;
    /// # let batches = StreamingContext::new(&context, seconds(1));
    /// # let words = batches.queue_stream(vec![context.parallelize([("a".to_owned(), 1u64)])], QueueMode::OneAtATime, None);
    /// let totals = words.update_state_by_key(|new: Vec<u64>, total: Option<u64>| {
    ///     Some(total.unwrap_or(0) + new.iter().sum::<u64>())
    /// });
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    pub fn update_state_by_key<S: StateData>(
        &self,
        update: impl Fn(Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> DStream<(K, S)> {
        self.updated(update, None)
    }

    /// As [`DStream::update_state_by_key`], beginning with the state in `initial`.
    pub fn update_state_by_key_from<S: StateData>(
        &self,
        initial: &Rdd<(K, S)>,
        update: impl Fn(Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> DStream<(K, S)> {
        self.updated(update, Some(initial.clone()))
    }

    fn updated<S: StateData>(
        &self,
        update: impl Fn(Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
        initial: Option<Rdd<(K, S)>>,
    ) -> DStream<(K, S)> {
        let (parent, context, slide) = (Arc::clone(&self.node), self.context().clone(), self.slide());
        let (update, partitions) = (Arc::new(update), context.parallelism());
        let keeper = Arc::clone(&self.graph.keeper);
        // Taken by the first batch, so that it is not kept behind it.
        let initial = Mutex::new(initial);
        let parents = vec![self.parent()];
        let stream = DStream::made(&self.graph, slide, parents, move |node: &Node<(K, S)>, time| {
            let state = match node.at(time - slide)? {
                Some(state) if state.partitions() == partitions => state,
                // An earlier process had another number of task slots.
                Some(state) => state.partition_by(partitions),
                None => match initial.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    Some(initial) => initial.partition_by(partitions),
                    None => context.in_memory("state", vec![Vec::new(); partitions]),
                },
            };
            let new = parent.at(time)?.unwrap_or_else(|| context.empty()).partition_by(partitions);
            keeper.keep(&updated(&state, &new, &update), "state", Some(Codec::of())).map(Some)
        });
        // Each state is asked for by the next.
        stream.node.remember(slide);
        stream.node.carry("update_state_by_key");
        stream
    }
}

fn updated<K: KeyData + Hash, V: StateData, S: StateData>(
    state: &Rdd<(K, S)>,
    new: &Rdd<(K, V)>,
    update: &Arc<impl Fn(Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static>,
) -> Rdd<(K, S)> {
    let update = Arc::clone(update);
    state.zip_partitions("update_state_by_key", new, move |state, new| {
        let mut due: HashMap<K, Due<V, S>, KeyHashBuilder> =
            state.map(|(key, state)| (key, (Vec::new(), Some(state)))).collect();
        for (key, value) in new {
            match due.get_mut(&key) {
                Some((values, _)) => values.push(value),
                None => {
                    due.insert(detached(key), (vec![value], None));
                }
            }
        }
        let update = Arc::clone(&update);
        due.into_iter().filter_map(move |(key, (values, state))| Some((key, update(values, state)?)))
    })
}
