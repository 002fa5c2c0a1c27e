//! Which window a record belongs to.

use std::time::Duration;

use millstream_model::time::Timestamp;

/// A span of time: from `start` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeWindow {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment behind it.
    pub end: Timestamp,
}

impl TimeWindow {
    /// Whether a moment lies within it.
    #[inline]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// The last moment within it: the time of its results.
    pub fn max_timestamp(&self) -> Timestamp {
        self.end - Duration::from_millis(1)
    }
}

/// Windows of one length that lie side by side, in one kind of time.
#[derive(Clone, Copy, Debug)]
pub struct WindowAssigner {
    size: i64,
    offset: i64,
    pub(super) by_clock: bool,
}

impl WindowAssigner {
    fn new(size: Duration, by_clock: bool) -> Self {
        // No window is shorter than the unit of time.
        Self { size: i64::try_from(size.as_millis()).unwrap_or(i64::MAX).max(1), offset: 0, by_clock }
    }

    /// Begins the windows this much later than the multiples of their size: at 15 minutes past the hour, say.
    #[must_use]
    pub fn offset(mut self, offset: Duration) -> Self {
        self.offset = i64::try_from(offset.as_millis() % (self.size.unsigned_abs() as u128)).unwrap_or(0);
        self
    }

    /// The begin of the window that `time` lies in.
    #[inline]
    pub fn start_of(&self, time: Timestamp) -> i64 {
        let time = time.millis();
        time.saturating_sub(time.saturating_sub(self.offset).rem_euclid(self.size))
    }

    /// The window that begins at `start`.
    pub fn window_at(&self, start: i64) -> TimeWindow {
        TimeWindow {
            start: Timestamp::from_millis(start),
            end: Timestamp::from_millis(start.saturating_add(self.size)),
        }
    }
}

/// Tumbling windows by the records' times.
///
/// ```
/// use millstream_model::time::{Timestamp, hours, minutes};
/// use millstream_operators::window::TumblingEventTime;
///
/// let windows = TumblingEventTime::of(hours(1)).offset(minutes(15));
/// assert_eq!(windows.start_of(Timestamp::from_millis(3_600_000)), 900_000);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TumblingEventTime;

impl TumblingEventTime {
    /// Windows of this size (at least a millisecond).
    pub fn of(size: Duration) -> WindowAssigner {
        WindowAssigner::new(size, false)
    }
}

/// Tumbling windows by the clock of the machine. What is in them at the end of the input is emitted then.
#[derive(Clone, Copy, Debug)]
pub struct TumblingProcessingTime;

impl TumblingProcessingTime {
    /// Windows of this size (at least a millisecond).
    pub fn of(size: Duration) -> WindowAssigner {
        WindowAssigner::new(size, true)
    }
}
