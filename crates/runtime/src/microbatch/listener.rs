//! Being told what a streaming program does.

use millstream_model::error::Failure;

use super::status::BatchInfo;

/// Is told of each batch and receiver, on the thread that it happens on: what takes long here delays the stream.
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
