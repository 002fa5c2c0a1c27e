//! When which record is to be sent.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long a run warms up: its records pass, and are not counted.
const WARM_UP: Duration = Duration::from_millis(500);

/// Records at even distances. The clock starts when somebody first looks at it.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    start: Arc<OnceLock<Instant>>,
    rate: u64,
    counted: u64,
}

impl Schedule {
    /// `rate` records a second, `counted` of them behind those of the warm-up.
    pub(crate) fn new(rate: u64, counted: u64) -> Self {
        Self { start: Arc::default(), rate, counted }
    }

    /// Starts the clock so much later than now, whoever looks at it first: for processes that agree on a time.
    pub(crate) fn begin_in(&self, wait: Duration) {
        self.start.get_or_init(|| Instant::now() + wait);
    }

    /// The time since the start, in nanoseconds.
    pub(super) fn now(&self) -> u64 {
        let start = self.start.get_or_init(Instant::now);
        u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// When record `number` is due, in nanoseconds from the start.
    pub(super) fn due(&self, number: u64) -> u64 {
        number * (1_000_000_000 / self.rate)
    }

    fn warm_up(&self) -> u64 {
        self.rate * u64::try_from(WARM_UP.as_millis()).unwrap_or(0) / 1_000
    }

    /// All records, those of the warm-up included.
    pub(super) fn total(&self) -> u64 {
        self.warm_up() + self.counted
    }

    /// How late a result of record `number` is now; `None` if it does not count.
    pub(super) fn latency(&self, number: u64) -> Option<u64> {
        (number >= self.warm_up()).then(|| self.now().saturating_sub(self.due(number)))
    }
}
