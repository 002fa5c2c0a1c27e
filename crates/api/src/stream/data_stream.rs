//! A stream of records that have no key.

use std::hash::Hash;
use std::sync::Arc;

use millstream_connectors::collect::Collect;
use millstream_connectors::print::Print;
use millstream_dataflow::exchange::{MakeCombine, Partitioning};
use millstream_dataflow::graph::{Edge, NodeKind, OperatorFactory, SharedSides, TypedExchange};
use millstream_dataflow::operator::{Operator, OutputTag};
use millstream_dataflow::sink::{Sink, SinkAdapter};
use millstream_dataflow::state::KeyData;
use millstream_model::error::{BoxError, Result};
use millstream_model::id::{NodeId, OperatorUid};
use millstream_model::record::Record;
use millstream_operators::event_time::{AssignTimestamps, WatermarkStrategy};
use millstream_operators::keyed::{Process, ProcessFunction};
use millstream_operators::step::{Filter, FlatMap, Map, TryMap};

use super::{KeyedStream, StreamEnvironment};

/// Where a stream comes from: a node's output, and how its records are shared out from there.
pub(super) struct Origin<T> {
    pub(super) node: NodeId,
    pub(super) tag: Option<Arc<str>>,
    pub(super) partitioning: Partitioning<T>,
}

impl<T> Clone for Origin<T> {
    fn clone(&self) -> Self {
        Self { node: self.node, tag: self.tag.clone(), partitioning: self.partitioning.clone() }
    }
}

/// A stream of records of type `T`. May be read several times: each reader gets all records.
///
/// ```
/// use millstream::{DataStream, StreamEnvironment};
///
/// fn evens(numbers: &DataStream<u64>) -> DataStream<u64> {
///     numbers.filter(|n| n % 2 == 0)
/// }
///
/// let env = StreamEnvironment::new();
/// let mut found = evens(&env.from_sequence(1, 6)).execute_and_collect("evens")?;
/// found.sort();
/// assert_eq!(found, [2, 4, 6]);
/// # Ok::<(), millstream::Failure>(())
/// ```
pub struct DataStream<T> {
    env: StreamEnvironment,
    origins: Vec<Origin<T>>,
}

impl<T> Clone for DataStream<T> {
    fn clone(&self) -> Self {
        Self { env: self.env.clone(), origins: self.origins.clone() }
    }
}

impl<T: Record> DataStream<T> {
    pub(super) fn of(env: StreamEnvironment, origins: Vec<Origin<T>>) -> Self {
        Self { env, origins }
    }

    /// Connects the stream's origins to a new node.
    fn lead_to(&self, name: &str, keeps_state: bool, kind: NodeKind) -> NodeId {
        let mut graph = self.env.graph.borrow_mut();
        let to = graph.add(name, kind);
        if let Some(node) = graph.node_mut(to) {
            node.keeps_state = keeps_state;
        }
        for origin in &self.origins {
            let exchange = Arc::new(TypedExchange(origin.partitioning.clone()));
            graph.connect(Edge { from: origin.node, to, tag: origin.tag.clone(), exchange });
        }
        to
    }

    /// Adds an operator behind this stream.
    pub(super) fn transform<Out: Record>(
        &self,
        name: &str,
        keeps_state: bool,
        make: impl Fn(&SharedSides) -> Box<dyn Operator<T, Out>> + Send + Sync + 'static,
    ) -> DataStream<Out> {
        let node = self.lead_to(name, keeps_state, NodeKind::Operator(Arc::new(OperatorFactory::new(make))));
        DataStream::of(
            self.env.clone(),
            vec![Origin { node, tag: None, partitioning: Partitioning::Forward }],
        )
    }

    fn partitioned(&self, partitioning: Partitioning<T>) -> Self {
        let mut own = self.clone();
        own.origins.iter_mut().for_each(|origin| origin.partitioning = partitioning.clone());
        own
    }

    /// Replaces each record by what `f` makes of it.
    pub fn map<Out: Record>(&self, f: impl Fn(T) -> Out + Send + Sync + 'static) -> DataStream<Out> {
        let f = Arc::new(f);
        self.transform("map", false, move |_| Box::new(Map::new(f.clone())))
    }

    /// As [`DataStream::map`] for a function that can fail; its error fails the job and names the record.
    pub fn try_map<Out: Record>(
        &self,
        f: impl Fn(T) -> Result<Out, BoxError> + Send + Sync + 'static,
    ) -> DataStream<Out> {
        let f = Arc::new(f);
        self.transform("try_map", false, move |_| Box::new(TryMap::new(f.clone())))
    }

    /// Keeps the records for which `keep` is true.
    pub fn filter(&self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> DataStream<T> {
        let keep = Arc::new(keep);
        self.transform("filter", false, move |_| Box::new(Filter::new(keep.clone())))
    }

    /// Replaces each record by any number of others: an `Option`, a `Vec`, any iterator.
    pub fn flat_map<Out: Record, I: IntoIterator<Item = Out> + 'static>(
        &self,
        f: impl Fn(T) -> I + Send + Sync + 'static,
    ) -> DataStream<Out> {
        let f = Arc::new(f);
        self.transform("flat_map", false, move |_| Box::new(FlatMap::new(f.clone())))
    }

    /// Runs a function with side outputs over each record; each subtask has one that `make` makes.
    pub fn process<Out: Record, P: ProcessFunction<T, Out> + 'static>(
        &self,
        make: impl Fn() -> P + Send + Sync + 'static,
    ) -> DataStream<Out> {
        self.transform("process", false, move |sides| Box::new(Process::new(&make).with_sides(sides.clone())))
    }

    /// Brings records of one key together, so that state can be kept for each.
    pub fn key_by<K, S>(&self, select: S) -> KeyedStream<K, T, S>
    where
        K: KeyData + Hash,
        S: Fn(&T) -> K + Send + Sync + 'static,
    {
        KeyedStream::new(self.clone(), Arc::new(select))
    }

    /// This stream sent out by the hash of a key.
    pub(super) fn keyed_by_hash(&self, hash: impl Fn(&T) -> u64 + Send + Sync + 'static) -> Self {
        let column = move |records: &[T], hashes: &mut Vec<u64>| hashes.extend(records.iter().map(&hash));
        self.partitioned(Partitioning::Keyed(Arc::new(column)))
    }

    /// This stream, which is sent out by the hash of a key, with records of one key made one before they are sent.
    pub(super) fn combined(&self, make: MakeCombine<T>) -> Self {
        let mut own = self.clone();
        for origin in &mut own.origins {
            if let Partitioning::Keyed(select) = &origin.partitioning {
                origin.partitioning = Partitioning::Combined(select.clone(), make.clone());
            }
        }
        own
    }

    /// Gives records their times and the stream its watermarks.
    pub fn assign_timestamps_and_watermarks(&self, strategy: WatermarkStrategy<T>) -> DataStream<T> {
        self.transform("timestamps", false, move |_| Box::new(AssignTimestamps::new(strategy.clone())))
    }

    /// The records of both streams.
    pub fn union(&self, other: &DataStream<T>) -> DataStream<T> {
        let mut own = self.clone();
        own.origins.extend(other.origins.iter().cloned());
        own
    }

    /// Sends records to the subtasks behind in turn.
    pub fn rebalance(&self) -> Self {
        self.partitioned(Partitioning::Rebalance)
    }

    /// Sends records at random.
    pub fn shuffle(&self) -> Self {
        self.partitioned(Partitioning::Shuffle)
    }

    /// Sends records in turn to those subtasks that are next to the sender.
    pub fn rescale(&self) -> Self {
        self.partitioned(Partitioning::Rescale)
    }

    /// Sends each record to all subtasks.
    pub fn broadcast(&self) -> Self {
        self.partitioned(Partitioning::Broadcast)
    }

    /// Sends all records to the first subtask.
    pub fn global(&self) -> Self {
        self.partitioned(Partitioning::Global)
    }

    /// Sends records to the subtask of the same number.
    pub fn forward(&self) -> Self {
        self.partitioned(Partitioning::Forward)
    }

    /// Sends each record where `choose` says: the record and the number of subtasks in, an index out.
    pub fn partition_custom(&self, choose: impl Fn(&T, usize) -> usize + Send + Sync + 'static) -> Self {
        self.partitioned(Partitioning::Custom(Arc::new(choose)))
    }

    /// What the operator behind this stream emits to a side output.
    pub fn side_output<Side: Record>(&self, tag: &OutputTag<Side>) -> DataStream<Side> {
        let side = |origin: &Origin<T>| Origin {
            node: origin.node,
            tag: Some(tag.name().into()),
            partitioning: Partitioning::Forward,
        };
        DataStream::of(self.env.clone(), self.origins.iter().map(side).collect())
    }

    fn change_nodes(self, change: impl Fn(&mut millstream_dataflow::graph::Node)) -> Self {
        let mut graph = self.env.graph.borrow_mut();
        for origin in &self.origins {
            if let Some(node) = graph.node_mut(origin.node) {
                change(node);
            }
        }
        drop(graph);
        self
    }

    /// Names the operator that makes this stream, for people.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.change_nodes(|node| node.name = name.into())
    }

    /// Names the operator's state: what a checkpoint has under this uid comes back to it, wherever it stands.
    #[must_use]
    pub fn uid(self, uid: &str) -> Self {
        self.change_nodes(|node| node.uid = Some(OperatorUid::new(uid)))
    }

    /// The number of subtasks of the operator that makes this stream.
    #[must_use]
    pub fn parallelism(self, parallelism: u32) -> Self {
        self.change_nodes(|node| node.parallelism = Some(parallelism))
    }

    /// Writes the stream to a sink.
    pub fn sink_to<S: Sink<Record = T>>(&self, sink: S) -> SinkStream {
        let name = sink.name();
        let node = self.lead_to(&name, false, NodeKind::Sink(Arc::new(SinkAdapter(Arc::new(sink)))));
        SinkStream { env: self.env.clone(), node }
    }

    /// Prints each record on a line of its own; behind `N> ` where there are several subtasks.
    pub fn print(&self) -> SinkStream
    where
        T: std::fmt::Display,
    {
        self.sink_to(Print::new())
    }

    /// Runs the job and gives the records of this stream, in the order in which they arrived.
    ///
    /// # Errors
    /// As [`StreamEnvironment::execute`].
    pub fn execute_and_collect(&self, name: &str) -> Result<Vec<T>> {
        let (sink, collected) = Collect::new();
        self.sink_to(sink);
        self.env.execute(name)?;
        Ok(collected.take())
    }
}

/// A stream that has come to its end.
pub struct SinkStream {
    env: StreamEnvironment,
    node: NodeId,
}

impl SinkStream {
    fn change(self, change: impl FnOnce(&mut millstream_dataflow::graph::Node)) -> Self {
        if let Some(node) = self.env.graph.borrow_mut().node_mut(self.node) {
            change(node);
        }
        self
    }

    /// Names the sink, for people.
    pub fn name(self, name: &str) -> Self {
        self.change(|node| node.name = name.into())
    }

    /// Names the sink's state.
    pub fn uid(self, uid: &str) -> Self {
        self.change(|node| node.uid = Some(OperatorUid::new(uid)))
    }

    /// The number of the sink's subtasks.
    pub fn parallelism(self, parallelism: u32) -> Self {
        self.change(|node| node.parallelism = Some(parallelism))
    }
}
