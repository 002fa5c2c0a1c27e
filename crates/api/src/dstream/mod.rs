//! Streams cut into batches, as Spark's users know them: a [`StreamingContext`] makes a [`DStream`], transformations
//! describe others, output operations have each batch computed as an [`Rdd`](crate::rdd::Rdd) job.
//!
//! ```no_run
//! use millstream::dstream::StreamingContext;
//! use millstream::rdd::Context;
//! use millstream::time::seconds;
//!
//! let batches = StreamingContext::new(&Context::new()?, seconds(1));
//! let lines = batches.socket_text_stream("localhost", 9999);
//! let words = lines.flat_map(|line| line.into_split(' '));
//! words.map(|word| (word, 1u64)).reduce_by_key(|a, b| a + b).print(10);
//! batches.start()?.await_termination()
//! # ; Ok::<(), millstream::Failure>(())
//! ```
//!
//! What a receiver takes in it holds in memory, up to a limit, until the batch is done; at the limit it reads no further.
//! When batches take longer than their interval they queue up, which [`StreamingContext::status`] and a
//! [`StreamingListener`] tell, and receivers are slowed.
//!
//! What is promised across a kill of the process: a program with checkpoints ([`StreamingContext::get_or_create`]) goes on
//! where it was left; each file that was found changes state and windows once, and is put out at least once. Sockets and
//! other receivers at most once, as nothing of what they took in is kept outside of the process. Within a run each record that was taken in, and each file that was found, is
//! processed exactly once, a failed task being tried again; an output operation may see a partition twice then. On a cluster with
//! a checkpoint folder the batches that were cut have what receivers took in after a kill, too.
//!
//! Answers for names, types, and for what is kept from batch to batch. Not for when a batch is cut and processed, which
//! `millstream_runtime::microbatch` decides for Python's streams too, nor for running it: that is the Rdds'.
//! Holds: batches are processed one at a time in the order of their times; memory behind a batch that is done is let go
//! unless a window, a state or [`StreamingContext::remember`] asks for it.

mod builder;
mod context;
mod graph;
mod input;
mod inverse;
mod keep;
mod node;
mod output;
mod pairs;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod window;

pub use builder::StreamingContextBuilder;
pub use context::StreamingContext;
#[cfg(feature = "kafka")]
pub use input::BatchOffsets;
pub use input::{QueueMode, RddQueue};
/// ```
/// use millstream::dstream::ManualClock;
/// use millstream::time::{Timestamp, seconds};
///
/// let clock = ManualClock::new(Timestamp::from_millis(10_000));
/// clock.advance(seconds(2));
/// assert_eq!(clock.now().millis(), 12_000);
/// ```
pub use millstream_runtime::microbatch::ManualClock;
/// ```
/// use std::sync::mpsc::channel;
///
/// use millstream::dstream::{BatchInfo, ManualClock, Stop, StreamingContext, StreamingListener};
/// use millstream::rdd::Context;
/// use millstream::time::{Timestamp, seconds};
///
/// struct Times(std::sync::mpsc::Sender<i64>);
///
/// impl StreamingListener for Times {
///     fn on_batch_completed(&self, batch: &BatchInfo) {
///         self.0.send(batch.time.millis()).ok();
///     }
/// }
///
/// let clock = ManualClock::new(Timestamp::from_millis(0));
/// let batches = StreamingContext::builder(&Context::new()?, seconds(1)).manual_clock(&clock).build();
/// batches.queue_stream(vec![], Default::default(), None).foreach_rdd(|numbers: millstream::rdd::Rdd<i64>| {
///     numbers.count().map(drop)
/// });
/// let (times, seen) = channel();
/// batches.add_listener(Times(times));
/// batches.start()?;
/// clock.advance(seconds(2));
/// batches.await_batches(2)?;
/// batches.stop(Stop::Now)?;
/// assert_eq!(seen.iter().take(2).collect::<Vec<_>>(), [1000, 2000]);
/// # Ok::<(), millstream::Failure>(())
/// ```
pub use millstream_runtime::microbatch::StreamingListener;
pub use millstream_runtime::microbatch::{
    BatchInfo, Phase, ReceiverStatus, Stop, StreamingStatus, Termination,
};
pub use stream::DStream;
