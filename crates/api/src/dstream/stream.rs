//! A stream of data sets, and what can be done with any.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::lineage::StorageLevel;
use millstream_dataflow::state::{KeyData, StateData};
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use super::graph::Graph;
use super::node::{AnyNode, Node};
use crate::rdd::{Context, Rdd, Records};

/// A stream as a row of data sets, one for each batch. Cheap to clone.
///
/// What is said of records here is done to each batch on its own, by the [`Rdd`] transformation of the same name, when
/// an output operation asks for it.
pub struct DStream<T> {
    pub(super) graph: Arc<Graph>,
    pub(super) node: Arc<Node<T>>,
}

impl<T> Clone for DStream<T> {
    fn clone(&self) -> Self {
        Self { graph: Arc::clone(&self.graph), node: Arc::clone(&self.node) }
    }
}

impl<T: Record> fmt::Debug for DStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DStream(every {:?})", self.slide())
    }
}

impl<T: Record> DStream<T> {
    pub(super) fn of(graph: &Arc<Graph>, node: Arc<Node<T>>) -> Self {
        graph.add_node(Arc::clone(&node) as Arc<_>);
        Self { graph: Arc::clone(graph), node }
    }

    /// A stream that slides by `slide` and is computed from `parents`.
    pub(super) fn made(
        graph: &Arc<Graph>,
        slide: Duration,
        parents: Vec<Arc<dyn AnyNode>>,
        compute: impl Fn(&Node<T>, Timestamp) -> Result<Option<Rdd<T>>> + Send + Sync + 'static,
    ) -> Self {
        Self::of(graph, Arc::new(Node::new(graph, slide, parents, compute)))
    }

    /// This stream as what another is computed from.
    pub(super) fn parent(&self) -> Arc<dyn AnyNode> {
        Arc::clone(&self.node) as Arc<_>
    }

    /// What the batches run on.
    pub fn context(&self) -> &Context {
        &self.graph.context
    }

    /// How far apart its data sets are: the batch interval, or the slide of the last window before it.
    pub fn slide(&self) -> Duration {
        self.node.slide()
    }

    /// What `f` makes of each data set. It is called once a batch, on the thread that processes batches.
    ///
    /// ```
    /// # use millstream::dstream::{QueueMode, StreamingContext};
    /// # use millstream::{rdd::Context, time::seconds};
    /// # let context = Context::new()?;
    /// # let batches = StreamingContext::new(&context, seconds(1));
    /// # let words = batches.queue_stream(vec![context.parallelize([("a", 1)])], QueueMode::OneAtATime, None);
    /// let stop_words = context.parallelize(["the", "a"]).map(|word| (word.to_owned(), ()));
    /// let kept = words.map(|(word, n)| (word.to_owned(), n)).transform(move |words| {
    ///     words.cogroup(&stop_words).filter(|(_, (_, stops))| stops.is_empty())
    /// });
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    pub fn transform<U: Record>(&self, f: impl Fn(Rdd<T>) -> Rdd<U> + Send + Sync + 'static) -> DStream<U> {
        self.transform_with_time(move |rdd, _| f(rdd))
    }

    /// As [`DStream::transform`], with the batch time.
    pub fn transform_with_time<U: Record>(
        &self,
        f: impl Fn(Rdd<T>, Timestamp) -> Rdd<U> + Send + Sync + 'static,
    ) -> DStream<U> {
        let parent = Arc::clone(&self.node);
        DStream::made(&self.graph, self.slide(), vec![self.parent()], move |_, time| {
            Ok(parent.at(time)?.map(|rdd| f(rdd, time)))
        })
    }

    /// What `f` makes of each data set here and the one of the same batch in `other`, which must slide alike.
    pub fn transform_with<U: Record, V: Record>(
        &self,
        other: &DStream<U>,
        f: impl Fn(Rdd<T>, Rdd<U>) -> Rdd<V> + Send + Sync + 'static,
    ) -> DStream<V> {
        self.graph.note(check_alike(&[self.slide(), other.slide()]));
        let (left, right) = (Arc::clone(&self.node), Arc::clone(&other.node));
        let parents = vec![self.parent(), other.parent()];
        DStream::made(&self.graph, self.slide(), parents, move |_, time| {
            Ok(left.at(time)?.zip(right.at(time)?).map(|(left, right)| f(left, right)))
        })
    }

    /// What `f` makes of each record.
    pub fn map<U: Record>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> DStream<U> {
        let f = Arc::new(f);
        self.transform(move |rdd| {
            let f = Arc::clone(&f);
            rdd.map(move |record| f(record))
        })
    }

    /// The records for which `keep` is true.
    pub fn filter(&self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> DStream<T> {
        let keep = Arc::new(keep);
        self.transform(move |rdd| {
            let keep = Arc::clone(&keep);
            rdd.filter(move |record| keep(record))
        })
    }

    /// All that `f` makes of each record.
    pub fn flat_map<I: IntoIterator<Item: Record> + 'static>(
        &self,
        f: impl Fn(T) -> I + Send + Sync + 'static,
    ) -> DStream<I::Item> {
        let f = Arc::new(f);
        self.transform(move |rdd| {
            let f = Arc::clone(&f);
            rdd.flat_map(move |record| f(record))
        })
    }

    /// What `f` makes of the records of each partition.
    pub fn map_partitions<I: IntoIterator<Item: Record, IntoIter: 'static> + 'static>(
        &self,
        f: impl Fn(Records<T>) -> I + Send + Sync + 'static,
    ) -> DStream<I::Item> {
        let f = Arc::new(f);
        self.transform(move |rdd| {
            let f = Arc::clone(&f);
            rdd.map_partitions(move |records| f(records))
        })
    }

    /// All records here and in `other`, which must slide alike.
    pub fn union(&self, other: &DStream<T>) -> DStream<T> {
        Self::union_of(&self.graph, &[self.clone(), other.clone()])
    }

    pub(super) fn union_of(graph: &Arc<Graph>, streams: &[DStream<T>]) -> DStream<T> {
        let slides: Vec<Duration> = streams.iter().map(Self::slide).collect();
        graph.note(check_alike(&slides));
        let slide = slides.first().copied().unwrap_or(graph.timeline.interval());
        let parents = streams.iter().map(Self::parent).collect();
        let nodes: Vec<Arc<Node<T>>> = streams.iter().map(|stream| Arc::clone(&stream.node)).collect();
        let context = graph.context.clone();
        Self::made(graph, slide, parents, move |_, time| {
            let rdds =
                nodes.iter().filter_map(|node| node.at(time).transpose()).collect::<Result<Vec<_>>>()?;
            Ok((!rdds.is_empty()).then(|| context.union(&rdds)))
        })
    }

    /// How many records each data set has: one number for each, 0 for an empty one.
    pub fn count(&self) -> DStream<u64> {
        let zero = self.context().parallelize_in([((), 0)], 1);
        let counts = self.map_partitions(|records| [((), records.count() as u64)]);
        counts.transform(move |counts| counts.union(&zero).reduce_by_key(|a, b| a + b).map(|((), sum)| sum))
    }

    /// Keeps the records of each data set in memory, for streams that are used more than once.
    #[must_use]
    pub fn cache(&self) -> Self {
        self.node.persist(StorageLevel::MemoryOnly, Rdd::keep_at);
        self.clone()
    }

    /// The data sets of the batches from `from` to `to` that are still remembered (see
    /// [`StreamingContext::remember`](super::StreamingContext::remember)), in order. A stream that no output operation
    /// asks for has none, but for inputs.
    pub fn slice(&self, from: Timestamp, to: Timestamp) -> Vec<Rdd<T>> {
        self.node.slice(from, to)
    }
}

impl<T: StateData> DStream<T> {
    /// The records of each data set made one by `f`, which must be associative and commutative. An empty data set gives
    /// an empty one.
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> DStream<T> {
        self.map(|record| ((), record)).reduce_by_key(f).map(|((), record)| record)
    }

    /// The records of each data set dealt out evenly over `partitions`.
    pub fn repartition(&self, partitions: usize) -> DStream<T> {
        self.transform(move |rdd| rdd.repartition(partitions))
    }
}

impl<T: KeyData + std::hash::Hash> DStream<T> {
    /// How often each record is in each data set.
    pub fn count_by_value(&self) -> DStream<(T, u64)> {
        self.map(|record| (record, 1)).reduce_by_key(|a, b| a + b)
    }
}

/// Refuses streams of different slides to be put together.
fn check_alike(slides: &[Duration]) -> Result<()> {
    if slides.windows(2).all(|two| two[0] == two[1]) {
        return Ok(());
    }
    let shown: Vec<String> = slides.iter().map(|slide| format!("{} ms", slide.as_millis())).collect();
    Err(Failure::user(format!(
        "streams that are put together have data sets at different times: every {}",
        shown.join(" and every ")
    ))
    .advice("give them windows of the same slide first"))
}

impl<T: StateData> DStream<T> {
    /// Keeps the records of each data set at `level`.
    #[must_use]
    pub fn persist(&self, level: StorageLevel) -> Self {
        self.node.persist(level, Rdd::persist);
        self.clone()
    }
}
