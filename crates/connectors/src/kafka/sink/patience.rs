//! Waiting for a broker's answer, as long as the job wants it.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use millstream_dataflow::operator::Cancelled;
use millstream_model::error::Result;

/// How long an answer is waited for.
pub(super) struct Patience<'a> {
    cancelled: &'a Cancelled,
    begun: Instant,
    limit: Duration,
}

impl<'a> Patience<'a> {
    pub(super) fn new(cancelled: &'a Cancelled, limit: Duration) -> Self {
        Self { cancelled, begun: Instant::now(), limit }
    }

    /// Whether nothing is wrong but that nothing has come yet, and there is time.
    pub(super) fn may_wait(&self, error: &std::io::Error) -> bool {
        let is_quiet =
            matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted);
        is_quiet && self.begun.elapsed() < self.limit
    }

    /// Ends with the job.
    pub(super) fn wait(&self) -> Result<()> {
        self.cancelled.wait(Duration::ZERO)
    }
}
