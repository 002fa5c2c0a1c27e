//! The times at which batches are cut.
//!
//! Answers for which times are batch times, and for refusing lengths that do not fit them. Not for waiting: that is the
//! clock's.
//! Holds: batch times are multiples of the interval since 1970; the first lies behind the time zero, by one interval.

use std::sync::OnceLock;
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;

/// The times at which a program's batches are cut.
pub struct Timeline {
    interval: Duration,
    zero: OnceLock<Timestamp>,
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1)
}

impl Timeline {
    /// Batches of `interval`.
    pub fn new(interval: Duration) -> Self {
        Self { interval, zero: OnceLock::new() }
    }

    /// How long a batch is.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Refuses an interval of which batch times would not be whole milliseconds.
    ///
    /// # Errors
    /// It is none of at least one whole millisecond.
    pub fn check(&self) -> Result<()> {
        let interval = self.interval;
        if !interval.is_zero()
            && interval.as_nanos().is_multiple_of(1_000_000)
            && interval.as_millis() < 1 << 62
        {
            return Ok(());
        }
        Err(Failure::user(format!(
            "the batch interval is {interval:?}, which is not a whole number of milliseconds from 1 up"
        ))
        .advice("half a second to a few seconds is usual: StreamingContext::new(&context, seconds(1))"))
    }

    /// Fixes the time zero to the last multiple of the interval at or before `now`; gives the first batch time.
    pub fn begin(&self, now: Timestamp) -> Timestamp {
        let interval = millis(self.interval);
        let aligned = Timestamp::from_millis(now.millis().div_euclid(interval).saturating_mul(interval));
        *self.zero.get_or_init(|| aligned) + self.interval
    }

    /// Goes on with a time zero that an earlier process had.
    pub(super) fn resume(&self, zero: Timestamp) {
        self.zero.get_or_init(|| zero);
    }

    /// Whether a stream that slides by `slide` has a batch at `time`.
    pub fn has(&self, time: Timestamp, slide: Duration) -> bool {
        let Some(zero) = self.zero.get() else { return false };
        time > *zero && (time.millis() - zero.millis()) % millis(slide) == 0
    }

    /// The times in a row, `slide` apart, behind `after` and up to `until`, which is one of them.
    pub fn times(after: Timestamp, until: Timestamp, slide: Duration) -> Vec<Timestamp> {
        let count = until.since(after).as_millis() / slide.as_millis().max(1);
        let back = |steps: u128| until - slide.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX));
        (0..count).rev().map(back).collect()
    }
}

/// Refuses a length that is no multiple of `unit`, the slide of the stream that it is laid over.
///
/// # Errors
/// It is none: those next to it that would be are named.
pub fn check_multiple(what: &str, length: Duration, unit: Duration) -> Result<()> {
    let (given, of) = (length.as_nanos(), unit.as_nanos().max(1));
    if given > 0 && given.is_multiple_of(of) {
        return Ok(());
    }
    let below = given / of * of;
    let show = |nanos: u128| format!("{} ms", nanos / 1_000_000);
    let right =
        if below == 0 { show(of) } else { format!("{} or {}", show(below), show(below.saturating_add(of))) };
    Err(Failure::user(format!(
        "the {what} of {length:?} is no multiple of {}, the step of the stream it is laid over",
        show(of)
    ))
    .advice(format!(
        "{right} would be right; the step is the batch interval, or the slide of a window before it"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn batch_times_are_multiples_of_the_interval_behind_the_start() {
        let timeline = Timeline::new(SECOND);
        assert!(!timeline.has(at(3000), SECOND), "not before the start");
        assert_eq!(timeline.begin(at(2345)), at(3000));
        assert!(!timeline.has(at(2000), SECOND));
        assert!(timeline.has(at(3000), SECOND) && !timeline.has(at(3000), 2 * SECOND));
        assert!(timeline.has(at(4000), 2 * SECOND) && !timeline.has(at(4500), SECOND));
    }

    #[test]
    fn a_start_on_a_multiple_waits_a_whole_interval() {
        assert_eq!(Timeline::new(SECOND).begin(at(5000)), at(6000));
    }

    #[test]
    fn times_in_a_row_leave_out_the_first_end() {
        assert_eq!(Timeline::times(at(1000), at(4000), SECOND), [at(2000), at(3000), at(4000)]);
        assert_eq!(Timeline::times(at(4000), at(4000), SECOND), []);
    }

    #[test]
    fn a_length_that_does_not_fit_is_refused_with_those_that_would() {
        let error = check_multiple("window", Duration::from_millis(2500), SECOND).unwrap_err().to_string();
        assert!(error.contains("window of 2.5s is no multiple of 1000 ms"), "{error}");
        assert!(error.contains("2000 ms or 3000 ms would be right"), "{error}");
        let error = check_multiple("slide", Duration::ZERO, SECOND).unwrap_err().to_string();
        assert!(error.contains("\n  1000 ms would be right"), "{error}");
    }

    #[test]
    fn an_interval_of_nothing_or_of_parts_of_a_millisecond_is_refused() {
        for interval in [Duration::ZERO, Duration::from_micros(1500)] {
            let error = Timeline::new(interval).check().unwrap_err().to_string();
            assert!(error.contains(&format!("{interval:?}")), "{error}");
        }
    }
}
