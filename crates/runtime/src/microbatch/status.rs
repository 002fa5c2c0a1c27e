//! How a streaming program does: what waits, what is processed, how late it is.

use std::time::Duration;

use millstream_model::time::Timestamp;

/// Where in its life a `StreamingContext` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It was not started yet.
    Ready,
    /// Batches are cut and processed.
    Running,
    /// It was told to stop, or has failed, and ends what it has begun.
    Stopping,
    /// It has ended; it cannot be started again.
    Stopped,
}

/// A batch and its times, as the context's clock showed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchInfo {
    /// The batch time: what came in the interval that ended then is in the batch.
    pub time: Timestamp,
    /// How many records came through receivers. Those of files and of queued Rdds are not counted.
    pub records: u64,
    /// When it was cut and put into the queue.
    pub submitted: Timestamp,
    /// When its processing began.
    pub started: Option<Timestamp>,
    /// When its processing ended.
    pub ended: Option<Timestamp>,
}

impl BatchInfo {
    /// How long it waited in the queue, if it is out of it.
    pub fn scheduling_delay(&self) -> Option<Duration> {
        Some(self.started?.since(self.submitted))
    }

    /// How long its output operations took, if they have ended.
    pub fn processing_time(&self) -> Option<Duration> {
        Some(self.ended?.since(self.started?))
    }

    /// How long it was from its being cut to the end of its processing, if that has ended.
    pub fn total_delay(&self) -> Option<Duration> {
        Some(self.ended?.since(self.submitted))
    }
}

/// What a receiver holds: records that came in and that no batch has done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverStatus {
    /// Its source: `socket localhost:9999`.
    pub name: String,
    /// Whether it reads on.
    pub active: bool,
    /// Whether it waits for room, and its peer with it.
    pub waits: bool,
    /// How many records it has taken in since the start.
    pub records_received: u64,
    /// How many it holds.
    pub records_held: usize,
    /// The most it ever held.
    pub most_records_held: usize,
    /// Their size in memory, about.
    pub bytes_held: usize,
    /// The most bytes it ever held.
    pub most_bytes_held: usize,
}

/// What `StreamingContext::status` gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamingStatus {
    /// Where in its life the context is.
    pub phase: Phase,
    /// How many batches were cut and wait to be processed. Where it grows, batches take longer than their interval.
    pub queued_batches: usize,
    /// The batch that is being processed.
    pub processing: Option<BatchInfo>,
    /// How many batches were processed.
    pub completed_batches: u64,
    /// The last of them, with its delays.
    pub last_completed: Option<BatchInfo>,
    /// How many records the completed batches had from receivers.
    pub completed_records: u64,
    /// Each receiver.
    pub receivers: Vec<ReceiverStatus>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_known_once_a_batch_has_come_so_far() {
        let at = |millis| Some(Timestamp::from_millis(millis));
        let submitted = Timestamp::from_millis(1000);
        let queued = BatchInfo { time: submitted, records: 0, submitted, started: None, ended: None };
        assert_eq!((queued.scheduling_delay(), queued.processing_time()), (None, None));
        let done = BatchInfo { started: at(1500), ended: at(3500), ..queued };
        assert_eq!(done.scheduling_delay(), Some(Duration::from_millis(500)));
        assert_eq!(done.processing_time(), Some(Duration::from_secs(2)));
        assert_eq!(done.total_delay(), Some(Duration::from_millis(2500)));
    }
}
