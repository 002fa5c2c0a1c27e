//! Where a streaming program begins, is run and ends.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use millstream_connectors::tcp::{Reconnect, TcpLines};
use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::Codec;
use millstream_dataflow::source::Source;
use millstream_dataflow::state::StateData;
use millstream_model::error::Result;
use millstream_model::record::Record;
use millstream_model::text::Text;
use millstream_runtime::microbatch::{
    Batches, Begin, CheckpointPlan, HoldLimits, NewFiles, Program, Receiver, Stop, StreamingListener,
    StreamingStatus, Termination,
};

use super::DStream;
use super::builder::StreamingContextBuilder;
use super::graph::Graph;
use super::input::{QueueMode, Queued, RddQueue};
use super::node::{Form, Node};
use crate::interrupt;
use crate::rdd::shelved::blocks;
use crate::rdd::{Context, Rdd};

/// The beginning of a streaming program: cuts what comes in into batches, an interval each, and runs each of them as
/// Rdd jobs of a [`Context`]. Cheap to clone.
///
/// Batch times are multiples of the interval since 1970; the batch of a time holds what came in the interval that ended
/// then. When the last clone is dropped, the program is stopped as by [`Stop::Now`].
///
/// ```
/// use millstream::dstream::{ManualClock, QueueMode, Stop, StreamingContext};
/// use millstream::rdd::Context;
/// use millstream::time::{Timestamp, seconds};
///
/// let context = Context::new()?;
/// let clock = ManualClock::new(Timestamp::from_millis(0)); // a program would leave this out
/// let batches = StreamingContext::builder(&context, seconds(1)).manual_clock(&clock).build();
/// let lines = vec![context.parallelize(["to be", "or not to be"])];
/// batches
///     .queue_stream(lines, QueueMode::OneAtATime, None)
///     .flat_map(|line| line.split(' ').map(str::to_owned))
///     .map(|word| (word, 1u64))
///     .reduce_by_key(|a, b| a + b)
///     .print(10);
/// batches.start()?;
/// clock.advance(seconds(1));
/// batches.await_batches(1)?;
/// batches.stop(Stop::Gracefully)?;
/// # Ok::<(), millstream::Failure>(())
/// ```
#[derive(Clone)]
pub struct StreamingContext {
    pub(super) graph: Arc<Graph>,
    batches: Arc<Batches>,
    limits: HoldLimits,
    reconnect: Reconnect,
    _stop: Arc<StopWhenDropped>,
}

struct StopWhenDropped(Arc<Batches>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.stop(Stop::Now);
    }
}

impl fmt::Debug for StreamingContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamingContext({:?}, {:?})", self.interval(), self.status())
    }
}

impl StreamingContext {
    /// A program whose batches are `interval` long (whole milliseconds) and run on `context`.
    pub fn new(context: &Context, interval: Duration) -> Self {
        Self::builder(context, interval).build()
    }

    /// A program with settings.
    pub fn builder(context: &Context, interval: Duration) -> StreamingContextBuilder {
        StreamingContextBuilder::new(context, interval)
    }

    pub(super) fn with(context: Context, settings: StreamingContextBuilder) -> Self {
        let graph = Arc::new(Graph::new(context, settings.interval, settings.printer));
        let program: Arc<dyn Program> = Arc::clone(&graph) as _;
        let batches = Arc::new(Batches::new(program, settings.clock, settings.longest_queue));
        Self {
            graph,
            _stop: Arc::new(StopWhenDropped(Arc::clone(&batches))),
            batches,
            limits: settings.limits,
            reconnect: settings.reconnect,
        }
    }

    /// What the batches run on.
    pub fn context(&self) -> &Context {
        &self.graph.context
    }

    /// How long a batch is.
    pub fn interval(&self) -> Duration {
        self.graph.timeline.interval()
    }

    #[cfg(test)]
    pub(super) fn batches(&self) -> &Batches {
        &self.batches
    }

    fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// A node that an input fills, and its stream.
    pub(super) fn input_node<T: Record>(&self) -> (Arc<Node<T>>, DStream<T>) {
        let node = Arc::new(Node::new(self.graph(), self.interval(), Vec::new(), |_, _| Ok(None)));
        (Arc::clone(&node), DStream::of(self.graph(), node))
    }

    /// The lines that a server sends, as [`Text`], read by a thread of their own.
    ///
    /// When the connection fails or ends, it is opened again, with longer and longer waits, as
    /// [`reconnect`](StreamingContextBuilder::reconnect) says; when all attempts failed, the program ends with an error
    /// that says host, port and attempts. At most once: lines that were not yet processed are lost when the process is
    /// killed. For other settings of the connection, see [`StreamingContext::receiver_stream`].
    pub fn socket_text_stream(&self, host: &str, port: u16) -> DStream<Text> {
        let host =
            if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        let address = format!("{host}:{port}");
        let source = TcpLines::connect(address.clone()).reconnect(self.reconnect);
        self.receive(source, format!("socket {address}"), |line: &Text| line.len() + size_of::<Text>())
    }

    /// What any source of stream programs gives, read by one thread for all its splits.
    ///
    /// Nothing of the source's position is kept; it is told which records' batches are done. So a source that is sent to,
    /// and tells senders only then (`Flume::listen`), is read at least once; others at most once, whatever they could
    /// promise.
    ///
    /// ```
    /// use millstream::connectors::tcp::TcpLines;
    /// use millstream::dstream::StreamingContext;
    /// use millstream::rdd::Context;
    /// use millstream::time::seconds;
    ///
    /// let batches = StreamingContext::new(&Context::new()?, seconds(1));
    /// batches.receiver_stream(TcpLines::connect("localhost:9999").delimiter(b';')).print(10);
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    pub fn receiver_stream<S: Source<Record: StateData>>(&self, source: S) -> DStream<S::Record> {
        let name = source.name();
        self.receive(source, name, |_| size_of::<S::Record>())
    }

    fn receive<S: Source<Record: StateData>>(
        &self,
        source: S,
        name: String,
        weigh: fn(&S::Record) -> usize,
    ) -> DStream<S::Record> {
        let (node, stream) = self.input_node();
        let context = self.context().clone();
        let give = {
            let (node, context, keeper) =
                (Arc::clone(&node), context.clone(), Arc::clone(&self.graph.keeper));
            move |time, blocks| {
                let rdd = context.of_blocks("receiver", Codec::of(), blocks, keeper.shelf(), time);
                node.put(time, rdd, Form::Lineage);
                Ok(())
            }
        };
        let partitions = context.parallelism();
        let encode = move |runs| blocks(runs, partitions, Codec::of());
        let deliver = move |time, mut runs: Vec<Batch<S::Record>>| {
            let total = runs.len();
            let count = context.parallelism().min(total);
            let mut partitions = Vec::with_capacity(count);
            for at in (0..count).rev() {
                partitions.push(runs.split_off(total * at / count));
            }
            partitions.reverse();
            node.put(time, context.in_memory("receiver", partitions), Form::InMemory);
            Ok(())
        };
        let receiver =
            Receiver::new(source, name, self.limits, weigh, Box::new(deliver)).every(self.interval());
        let receiver = receiver.shared(encode, give);
        self.graph().add_input(Arc::new(receiver));
        stream
    }

    /// The lines of the files that appear in `folder` after the start: a path, or a location such as `s3://bucket/in` or
    /// `hdfs://name-node:8020/in`.
    ///
    /// At each batch time the folder is looked into, and the files that are new make the batch: each exactly once within
    /// a run. A file must be whole when it gets its name: write it elsewhere on the same disk, or under a name that begins
    /// with `.` or `_`, and rename it. What is added to a file later is not read; a name is new again once it was seen to
    /// be gone.
    ///
    /// # Errors
    /// The start fails if there is no such folder; the program, if the folder or a file cannot be read any more.
    pub fn text_file_stream(&self, folder: impl AsRef<Path>) -> DStream<Text> {
        let (node, stream) = self.input_node();
        let context = self.context().clone();
        let input = NewFiles::new(folder.as_ref().to_path_buf(), move |time, files| {
            let files = files.iter().map(|path| context.text_file(path)).collect::<Result<Vec<_>>>()?;
            node.put(time, context.union(&files), Form::Lineage);
            Ok(())
        });
        self.graph().add_input(Arc::new(input));
        stream
    }

    /// The data sets of a queue, one a batch or all at once; `default` (or nothing) when there is none. A program may
    /// keep a clone of the [`RddQueue`] and add to it.
    pub fn queue_stream<T: Record>(
        &self,
        rdds: impl Into<RddQueue<T>>,
        mode: QueueMode,
        default: Option<Rdd<T>>,
    ) -> DStream<T> {
        let (node, stream) = self.input_node();
        let input = Queued {
            context: self.context().clone(),
            node,
            queue: rdds.into(),
            mode,
            default,
            counted: Default::default(),
        };
        self.graph().add_input(Arc::new(input));
        stream
    }

    /// All records of all `streams`, which must slide alike.
    pub fn union<T: Record>(&self, streams: &[DStream<T>]) -> DStream<T> {
        DStream::union_of(self.graph(), streams)
    }

    /// Has the program write down how far it came into a local folder, made where it does not exist: each batch when it is
    /// cut, and what is carried from batch to batch (state, windows) when it is done. [`StreamingContext::get_or_create`]
    /// goes on from there. Without it, the start begins anew, and what is in the folder is forgotten.
    pub fn checkpoint(&self, folder: impl AsRef<Path>) {
        let every = self.batches.checkpoint_plan().map_or(Duration::ZERO, |plan| plan.every);
        let plan = CheckpointPlan { folder: folder.as_ref().to_path_buf(), every, begin: Begin::Anew };
        self.batches.checkpoint(plan);
    }

    /// How often what is carried is written to the checkpoint folder: with every batch by default. What lies between is
    /// processed again in another process.
    pub fn checkpoint_every(&self, interval: Duration) {
        if let Some(plan) = self.batches.checkpoint_plan() {
            self.batches.checkpoint(CheckpointPlan { every: interval, ..plan });
        }
    }

    /// The program that `setup` puts together, checkpointed in `folder`: its start goes on where an earlier process was
    /// left, if the folder says that there was one.
    ///
    /// Functions are the program's own: `setup` is called in any case, and has to put together the same inputs and the same
    /// operations that carry something from batch to batch, in the same order; the functions in them may be others. All
    /// batches that were cut and not done are processed again, with the files that they were given, then those whose times
    /// have passed: each changes state once, and is put out at least once. What sockets and other receivers had taken in is
    /// gone; a program with a queue of Rdds cannot go on.
    ///
    /// ```
    /// use millstream::dstream::StreamingContext;
    /// use millstream::rdd::Context;
    /// use millstream::time::seconds;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let (checkpoints, logs) = (folder.path().join("checkpoints"), folder.path());
    /// let batches = StreamingContext::get_or_create(checkpoints, || {
    ///     let batches = StreamingContext::new(&Context::new()?, seconds(1));
    ///     let words = batches.text_file_stream(logs).flat_map(|line| line.into_split(' '));
    ///     let totals = words.map(|word| (word, 1u64)).update_state_by_key(|new: Vec<u64>, total: Option<u64>| {
    ///         Some(total.unwrap_or(0) + new.iter().sum::<u64>())
    ///     });
    ///     totals.print(10);
    ///     Ok(batches)
    /// })?;
    /// batches.start()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of `setup`. The start fails if the folder's checkpoint is of another program or damaged.
    pub fn get_or_create(folder: impl AsRef<Path>, setup: impl FnOnce() -> Result<Self>) -> Result<Self> {
        let context = setup()?;
        if context.batches.checkpoint_plan().is_none() {
            context.checkpoint(&folder);
        }
        if let Some(plan) = context.batches.checkpoint_plan() {
            let folder = folder.as_ref().to_path_buf();
            context.batches.checkpoint(CheckpointPlan { folder, begin: Begin::WhereLeft, ..plan });
        }
        Ok(context)
    }

    /// Keeps the data sets of each stream for `length`, at least, so that [`DStream::slice`] finds them.
    pub fn remember(&self, length: Duration) {
        self.graph().remember(length);
    }

    /// Tells `listener` of each batch and receiver from now on.
    pub fn add_listener(&self, listener: impl StreamingListener + 'static) {
        self.batches.add_listener(Arc::new(listener));
    }

    /// Starts to receive and to cut batches. Nothing may be added to the program any more.
    ///
    /// # Errors
    /// What is wrong with the program: no output operation, a window that does not fit the interval, an address or a
    /// folder that cannot be; that it was started before; or on a cluster that something is carried from batch to batch and
    /// there is no checkpoint folder.
    pub fn start(&self) -> Result<&Self> {
        self.batches.start()?;
        Ok(self)
    }

    /// Ends the program and waits for that. Called from within an operation or a listener, it only asks for it.
    ///
    /// # Errors
    /// As [`StreamingContext::await_termination`].
    pub fn stop(&self, how: Stop) -> Result<()> {
        self.batches.stop(how);
        if Batches::is_inside() || self.status().phase == super::Phase::Ready {
            return Ok(());
        }
        self.batches.progress.wait_for_end(None).map(drop)
    }

    /// Waits until the program is stopped: by [`StreamingContext::stop`], by a failure, or by Ctrl-C, which stops it
    /// gracefully (a second one ends the process at once).
    ///
    /// # Errors
    /// What a batch failed of (with its time and the output operation), or a receiver; or that it was not started.
    pub fn await_termination(&self) -> Result<()> {
        self.await_end(None).map(drop)
    }

    /// As [`StreamingContext::await_termination`], but for `timeout` at most.
    ///
    /// # Errors
    /// As there.
    pub fn await_termination_or_timeout(&self, timeout: Duration) -> Result<Termination> {
        self.await_end(Some(timeout))
    }

    fn await_end(&self, patience: Option<Duration>) -> Result<Termination> {
        let batches = Arc::downgrade(&self.batches);
        let _guard = interrupt::on_ctrl_c(move || {
            if let Some(batches) = batches.upgrade() {
                batches.stop(Stop::Gracefully);
            }
        });
        self.batches.progress.wait_for_end(patience)
    }

    /// Waits until `count` batches were processed since the start.
    ///
    /// # Errors
    /// As [`StreamingContext::await_termination`], or that it was stopped before.
    pub fn await_batches(&self, count: u64) -> Result<()> {
        self.batches.progress.wait_for_batches(count)
    }

    /// How it does now.
    pub fn status(&self) -> StreamingStatus {
        self.batches.status()
    }
}
