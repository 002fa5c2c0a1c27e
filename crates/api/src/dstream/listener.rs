//! Being told what a streaming program does.

use millstream_model::error::Failure;

use super::status::BatchInfo;

/// Is told of each batch and receiver, on the thread that it happens on: what takes long here delays the stream.
///
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
pub trait StreamingListener: Send + Sync {
    /// A batch was cut and put into the queue.
    fn on_batch_submitted(&self, batch: &BatchInfo) {
        let _ = batch;
    }

    /// The processing of a batch begins.
    fn on_batch_started(&self, batch: &BatchInfo) {
        let _ = batch;
    }

    /// All output operations of a batch have ended well.
    fn on_batch_completed(&self, batch: &BatchInfo) {
        let _ = batch;
    }

    /// A receiver begins to read.
    fn on_receiver_started(&self, receiver: &str) {
        let _ = receiver;
    }

    /// A receiver has ended: its source has, or it was stopped.
    fn on_receiver_stopped(&self, receiver: &str) {
        let _ = receiver;
    }

    /// A receiver has failed; the context stops.
    fn on_receiver_error(&self, receiver: &str, failure: &Failure) {
        let _ = (receiver, failure);
    }
}
