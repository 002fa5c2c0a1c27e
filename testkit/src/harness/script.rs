//! What happens to an operator in a test, step by step.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use millstream_model::time::Timestamp;

/// One thing that happens to an operator.
#[derive(Clone, Debug)]
pub enum Step<In> {
    /// A record without a time comes.
    Record(In),
    /// A record with its event time comes.
    RecordAt(In, i64),
    /// Event time has come this far, in milliseconds.
    Watermark(i64),
    /// The clock has come this far, in milliseconds; the operator is called if it asked to be by then.
    Clock(i64),
    /// The input ends: the final watermark, then the end.
    End,
}

/// The clock of a test, which stands still between two steps; it starts at 0.
#[derive(Clone, Debug, Default)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// The time it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::Relaxed);
    }
}
