//! A keyed stream cut into windows.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::operator::OutputTag;
use millstream_dataflow::state::{KeyData, StateData};
use millstream_model::record::Record;
use millstream_operators::window::{
    AggregateFunction, Aggregating, ProcessWindowFunction, Processing, Reducing, WindowAggregate,
    WindowAssigner, WindowFunction,
};

use super::{DataStream, KeyFn};

/// The records of each key, cut into windows. A window emits when time passes its end; its results have the time of its
/// last moment.
///
/// ```
/// use millstream::time::{Timestamp, seconds};
/// use millstream::{StreamEnvironment, TumblingEventTime, WatermarkStrategy};
///
/// let env = StreamEnvironment::new();
/// let sums = env
///     .from_collection([(1_000, 5), (1_500, 6), (2_000, 7)])
///     .assign_timestamps_and_watermarks(
///         WatermarkStrategy::monotonous().with_timestamp_assigner(|r: &(i64, u32), _| Timestamp::from_millis(r.0)),
///     )
///     .key_by(|_| 0_u8)
///     .window(TumblingEventTime::of(seconds(1)))
///     .reduce(|a, b| (a.0, a.1 + b.1))
///     .execute_and_collect("sums")?;
/// assert_eq!(sums, [(1_000, 11), (2_000, 7)]);
/// # Ok::<(), millstream::Failure>(())
/// ```
///
/// Windows are no stream until something is said of what is in them:
///
/// ```compile_fail,E0599
/// # use millstream::{StreamEnvironment, TumblingProcessingTime, connectors::discard::Discard, time::seconds};
/// let rows = StreamEnvironment::new().from_collection([('a', 1), ('b', 2)]);
/// let windows = rows.key_by(|row| row.0).window(TumblingProcessingTime::of(seconds(1)));
/// windows.sink_to(Discard::new());
/// ```
///
/// ```
/// # use millstream::{StreamEnvironment, TumblingProcessingTime, connectors::discard::Discard, time::seconds};
/// let rows = StreamEnvironment::new().from_collection([('a', 1), ('b', 2)]);
/// let windows = rows.key_by(|row| row.0).window(TumblingProcessingTime::of(seconds(1)));
/// windows.reduce(|a, b| (a.0, a.1 + b.1)).sink_to(Discard::new());
/// ```
///
/// A side output has the type of its tag, and late records are of the stream's own:
///
/// ```compile_fail,E0308
/// # use millstream::{OutputTag, StreamEnvironment, TumblingProcessingTime, time::seconds};
/// let rows = StreamEnvironment::new().from_collection([('a', 1), ('b', 2)]);
/// let windows = rows.key_by(|row| row.0).window(TumblingProcessingTime::of(seconds(1)));
/// let late = windows.side_output_late_data(&OutputTag::<String>::new("late"));
/// ```
///
/// ```
/// # use millstream::{OutputTag, StreamEnvironment, TumblingProcessingTime, time::seconds};
/// let rows = StreamEnvironment::new().from_collection([('a', 1), ('b', 2)]);
/// let windows = rows.key_by(|row| row.0).window(TumblingProcessingTime::of(seconds(1)));
/// let late = windows.side_output_late_data(&OutputTag::<(char, i32)>::new("late"));
/// ```
pub struct WindowedStream<K, T, S = KeyFn<K, T>> {
    stream: DataStream<T>,
    select: Arc<S>,
    assigner: WindowAssigner,
    lateness: Duration,
    late: Option<OutputTag<T>>,
    key: std::marker::PhantomData<fn() -> K>,
}

impl<K, T, S> WindowedStream<K, T, S>
where
    K: KeyData + Hash,
    T: StateData,
    S: Fn(&T) -> K + Send + Sync + 'static,
{
    pub(super) fn new(stream: DataStream<T>, select: Arc<S>, assigner: WindowAssigner) -> Self {
        Self { stream, select, assigner, lateness: Duration::ZERO, late: None, key: std::marker::PhantomData }
    }

    /// Keeps windows this long behind their end; a record that comes in that time makes its window emit again.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.lateness = lateness;
        self
    }

    /// Emits records that came when their window was gone to a side output, read with `side_output(tag)` of the result.
    #[must_use]
    pub fn side_output_late_data(mut self, tag: &OutputTag<T>) -> Self {
        self.late = Some(tag.clone());
        self
    }

    fn with<Out: Record, W>(
        &self,
        name: &str,
        function: impl Fn() -> W + Send + Sync + 'static,
    ) -> DataStream<Out>
    where
        W: WindowFunction<K, T, Out> + 'static,
    {
        let (select, assigner, lateness, late) =
            (self.select.clone(), self.assigner, self.lateness, self.late.clone());
        self.stream.transform(name, true, move |sides| {
            let mut operator =
                WindowAggregate::new(select.clone(), assigner, function()).allowed_lateness(lateness);
            if let Some(tag) = &late {
                operator = operator.late_output(sides.clone(), tag.clone());
            }
            Box::new(operator)
        })
    }

    /// Reduces the records of each key and window to one.
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> DataStream<T> {
        let f = Arc::new(f);
        self.with("window_reduce", move || Reducing(f.clone())).encoded()
    }

    /// Aggregates the records of each key and window without keeping them.
    pub fn aggregate<A>(&self, function: A) -> DataStream<A::Out>
    where
        A: AggregateFunction<T> + Send + Sync + 'static,
        A::Out: Record,
    {
        let function = Arc::new(function);
        self.with("window_aggregate", move || Aggregating(function.clone()))
    }

    /// Looks at all the records of each key and window at once.
    pub fn process<Out: Record, P>(&self, function: P) -> DataStream<Out>
    where
        P: ProcessWindowFunction<K, T, Out> + Send + Sync + 'static,
    {
        let function = Arc::new(function);
        self.with("window_process", move || Processing(function.clone()))
    }
}
