//! A stream of records that have no key.

use std::hash::Hash;
use std::sync::Arc;

use millstream_connectors::collect::Collect;
use millstream_connectors::print::Print;
use millstream_dataflow::exchange::{BatchCodec, Partitioning};
use millstream_dataflow::graph::{Edge, NodeKind, OperatorFactory, OperatorNode, SharedSides, TypedExchange};
use millstream_dataflow::operator::{Operator, OutputTag};
use millstream_dataflow::sink::{Sink, SinkAdapter};
use millstream_dataflow::state::{KeyData, StateData};
use millstream_model::error::{BoxError, Result};
use millstream_model::id::NodeId;
use millstream_model::record::Record;
use millstream_operators::event_time::{AssignTimestamps, WatermarkStrategy};
use millstream_operators::keyed::{Process, ProcessFunction};
use millstream_operators::step::{Filter, FlatMap, Map, try_filter, try_flat_map, try_map};

use super::operator_settings::SinkStream;
use super::{KeyedStream, StreamEnvironment};

/// Where a stream comes from: a node's output, and how its records are shared out from there.
pub(super) struct Origin<T> {
    pub(super) node: NodeId,
    pub(super) tag: Option<Arc<str>>,
    pub(super) partitioning: Partitioning<T>,
    /// How the records are written down, once the program has said something that tells.
    pub(super) codec: Option<BatchCodec<T>>,
}

impl<T> Origin<T> {
    /// A node's main output.
    pub(super) fn output_of(node: NodeId, codec: Option<BatchCodec<T>>) -> Self {
        Self { node, tag: None, partitioning: Partitioning::Unset, codec }
    }
}

impl<T> Clone for Origin<T> {
    fn clone(&self) -> Self {
        Self {
            node: self.node,
            tag: self.tag.clone(),
            partitioning: self.partitioning.clone(),
            codec: self.codec.clone(),
        }
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
///
/// What goes by a key asks for one first: an aggregate of a stream that has none is no program.
///
/// ```compile_fail,E0599
/// # use millstream::StreamEnvironment;
/// let rows = StreamEnvironment::new().from_collection([('a', 1), ('b', 2)]);
/// let sums = rows.sum(|row| &mut row.1);
/// ```
///
/// ```
/// # use millstream::StreamEnvironment;
/// let rows = StreamEnvironment::new().from_collection([('a', 1), ('b', 2)]);
/// let sums = rows.key_by(|row| row.0).sum(|row| &mut row.1);
/// ```
///
/// The same goes for windows and for functions with state:
///
/// ```compile_fail,E0599
/// # use millstream::{StreamEnvironment, TumblingEventTime, time::seconds};
/// let rows = StreamEnvironment::new().from_collection([('a', 1), ('b', 2)]);
/// let windows = rows.window(TumblingEventTime::of(seconds(1)));
/// ```
///
/// ```
/// # use millstream::{StreamEnvironment, TumblingEventTime, time::seconds};
/// let rows = StreamEnvironment::new().from_collection([('a', 1), ('b', 2)]);
/// let windows = rows.key_by(|row| row.0).window(TumblingEventTime::of(seconds(1)));
/// ```
pub struct DataStream<T> {
    pub(super) env: StreamEnvironment,
    pub(super) origins: Vec<Origin<T>>,
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

    /// The environment of the program that the stream belongs to.
    pub fn environment(&self) -> &StreamEnvironment {
        &self.env
    }

    /// Connects the stream's origins to a new node.
    fn lead_to(&self, name: &str, keeps_state: bool, kind: NodeKind) -> NodeId {
        let mut graph = self.env.graph.borrow_mut();
        let to = graph.add(name, kind);
        if let Some(node) = graph.node_mut(to) {
            node.keeps_state = keeps_state;
        }
        for origin in &self.origins {
            let exchange = TypedExchange::new(origin.partitioning.clone()).encoded_by(origin.codec.clone());
            let exchange = Arc::new(exchange);
            graph.connect(Edge { from: origin.node, to, tag: origin.tag.clone(), exchange });
        }
        to
    }

    /// This stream, with the encoding of its records.
    ///
    /// Called wherever a program says something that asks for [`StateData`]: where a stream begins, is shared out, or
    /// ends. What lies between may be of types that no one can write down.
    pub(super) fn encoded(&self) -> Self
    where
        T: StateData,
    {
        self.encoded_by(&Some(BatchCodec::of()))
    }

    /// This stream, with the encoding that another stream of such records has.
    fn encoded_by(&self, codec: &Option<BatchCodec<T>>) -> Self {
        let mut own = self.clone();
        own.origins
            .iter_mut()
            .for_each(|origin| origin.codec = origin.codec.take().or_else(|| codec.clone()));
        own
    }

    /// How the records are written down, if that is known.
    fn codec(&self) -> Option<BatchCodec<T>> {
        self.origins.iter().find_map(|origin| origin.codec.clone())
    }

    /// Adds an operator behind this stream.
    pub(super) fn transform<Out: Record>(
        &self,
        name: &str,
        keeps_state: bool,
        make: impl Fn(&SharedSides) -> Box<dyn Operator<T, Out>> + Send + Sync + 'static,
    ) -> DataStream<Out> {
        self.attach(name, keeps_state, Arc::new(OperatorFactory::new(make)))
    }

    /// As [`DataStream::transform`] for an operator that carries out an `OnError`.
    pub(super) fn transform_rejecting<Out: Record>(
        &self,
        name: &str,
        keeps_state: bool,
        make: impl Fn(&SharedSides) -> Box<dyn Operator<T, Out>> + Send + Sync + 'static,
    ) -> DataStream<Out> {
        self.attach(name, keeps_state, Arc::new(OperatorFactory::new(make).rejecting()))
    }

    fn attach<Out: Record>(
        &self,
        name: &str,
        keeps_state: bool,
        operator: Arc<dyn OperatorNode>,
    ) -> DataStream<Out> {
        let node = self.lead_to(name, keeps_state, NodeKind::Operator(operator));
        DataStream::of(self.env.clone(), vec![Origin::output_of(node, None)])
    }

    /// Replaces each record by what `f` makes of it.
    pub fn map<Out: Record>(&self, f: impl Fn(T) -> Out + Send + Sync + 'static) -> DataStream<Out> {
        let f = Arc::new(f);
        self.transform("map", false, move |_| Box::new(Map::new(f.clone())))
    }

    /// As [`DataStream::map`] for a function that can give an error for a record: the job fails with it and says which
    /// record it was, or goes on without it, as [`DataStream::on_error`] says.
    ///
    /// ```
    /// use millstream::{OnError, StreamEnvironment};
    ///
    /// let env = StreamEnvironment::new();
    /// let lines = env.from_collection(["4".to_string(), "four".to_string(), "5".to_string()]);
    /// let numbers = lines.try_map(|line| Ok(line.parse::<u32>()?)).on_error(OnError::Skip);
    /// assert_eq!(numbers.execute_and_collect("numbers")?, [4, 5]);
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    pub fn try_map<Out: Record>(
        &self,
        f: impl Fn(T) -> Result<Out, BoxError> + Send + Sync + 'static,
    ) -> DataStream<Out> {
        let f = Arc::new(f);
        self.transform_rejecting("try_map", false, move |sides| {
            Box::new(try_map(f.clone()).with_sides(sides.clone()))
        })
    }

    /// As [`DataStream::filter`] for a function that can give an error for a record; see [`DataStream::try_map`].
    pub fn try_filter(
        &self,
        keep: impl Fn(&T) -> Result<bool, BoxError> + Send + Sync + 'static,
    ) -> DataStream<T> {
        let keep = Arc::new(keep);
        let kept = self.transform_rejecting("try_filter", false, move |sides| {
            Box::new(try_filter(keep.clone()).with_sides(sides.clone()))
        });
        kept.encoded_by(&self.codec())
    }

    /// As [`DataStream::flat_map`] for a function that can give an error for a record; see [`DataStream::try_map`].
    pub fn try_flat_map<Out: Record, I: IntoIterator<Item = Out> + 'static>(
        &self,
        f: impl Fn(T) -> Result<I, BoxError> + Send + Sync + 'static,
    ) -> DataStream<Out> {
        let f = Arc::new(f);
        self.transform_rejecting("try_flat_map", false, move |sides| {
            Box::new(try_flat_map(f.clone()).with_sides(sides.clone()))
        })
    }

    /// Keeps the records for which `keep` is true.
    pub fn filter(&self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> DataStream<T> {
        let keep = Arc::new(keep);
        let kept: Self = self.transform("filter", false, move |_| Box::new(Filter::new(keep.clone())));
        kept.encoded_by(&self.codec())
    }

    /// Replaces each record by any number of others: an `Option`, a `Vec`, any iterator.
    pub fn flat_map<Out: Record, I: IntoIterator<Item = Out> + 'static>(
        &self,
        f: impl Fn(T) -> I + Send + Sync + 'static,
    ) -> DataStream<Out> {
        let f = Arc::new(f);
        self.transform("flat_map", false, move |_| Box::new(FlatMap::new(f.clone())))
    }

    /// Runs a function with side outputs over each record; each subtask has one that `make` makes. It may give an
    /// error for a record; see [`DataStream::try_map`].
    pub fn process<Out: Record, P: ProcessFunction<T, Out> + 'static>(
        &self,
        make: impl Fn() -> P + Send + Sync + 'static,
    ) -> DataStream<Out> {
        self.transform_rejecting("process", false, move |sides| {
            Box::new(Process::new(&make).with_sides(sides.clone()))
        })
    }

    /// Brings records of one key together, so that state can be kept for each.
    pub fn key_by<K, S>(&self, select: S) -> KeyedStream<K, T, S>
    where
        T: StateData,
        K: KeyData + Hash,
        S: Fn(&T) -> K + Send + Sync + 'static,
    {
        KeyedStream::new(self.encoded(), Arc::new(select))
    }

    /// Gives records their times and the stream its watermarks.
    ///
    /// How far event time had come is kept by the operators that judge records by it: windows and keyed processes. So
    /// after a restore a record is late that was late before it, while the generator here begins anew with the records
    /// that come, and its watermarks count again once they pass what those operators have kept.
    pub fn assign_timestamps_and_watermarks(&self, strategy: WatermarkStrategy<T>) -> DataStream<T> {
        let stamp = move |_: &SharedSides| Box::new(AssignTimestamps::new(strategy.clone())) as Box<_>;
        self.transform("timestamps", false, stamp).encoded_by(&self.codec())
    }

    /// The records of both streams.
    pub fn union(&self, other: &DataStream<T>) -> DataStream<T> {
        let mut own = self.clone();
        own.origins.extend(other.origins.iter().cloned());
        own
    }

    /// What the operator behind this stream emits to a side output.
    pub fn side_output<Side: Record>(&self, tag: &OutputTag<Side>) -> DataStream<Side> {
        let side = |origin: &Origin<T>| Origin {
            node: origin.node,
            tag: Some(tag.name().into()),
            partitioning: Partitioning::Unset,
            codec: None,
        };
        DataStream::of(self.env.clone(), self.origins.iter().map(side).collect())
    }

    /// Writes the stream to a sink.
    pub fn sink_to<S: Sink<Record = T>>(&self, sink: S) -> SinkStream
    where
        T: StateData,
    {
        let name = sink.name();
        let node =
            self.encoded().lead_to(&name, false, NodeKind::Sink(Arc::new(SinkAdapter(Arc::new(sink)))));
        SinkStream { env: self.env.clone(), node }
    }

    /// Prints each record on a line of its own; behind `N> ` where there are several subtasks.
    pub fn print(&self) -> SinkStream
    where
        T: std::fmt::Display + StateData,
    {
        self.sink_to(Print::new())
    }

    /// Runs the job and gives the records of this stream, in the order in which they arrived.
    ///
    /// # Errors
    /// As [`StreamEnvironment::execute`].
    pub fn execute_and_collect(&self, name: &str) -> Result<Vec<T>>
    where
        T: StateData,
    {
        let (sink, collected) = Collect::new();
        self.sink_to(sink);
        self.env.execute(name)?;
        Ok(collected.take())
    }
}
