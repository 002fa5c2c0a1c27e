//! When checkpoints begin, when one is given up, and how many may fail.
//!
//! Answers for these decisions, which are pure: the time is told. Not for taking a checkpoint.
//! Holds: between the end of a checkpoint, good or bad, and the begin of the next lies the minimum pause at least.

use std::time::Instant;

use crate::settings::CheckpointSettings;

/// Whether a failed checkpoint is put up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The job goes on.
    Tolerated,
    /// So many failed in a row that the job fails.
    TooMany(u32),
}

/// The pace of one attempt's checkpoints.
pub(crate) struct Pace {
    settings: Option<CheckpointSettings>,
    next: Option<Instant>,
    failed: u32,
}

impl Pace {
    /// Without settings no checkpoint is ever due, and none is given up.
    pub(crate) fn new(settings: Option<CheckpointSettings>, now: Instant) -> Self {
        let next = settings.as_ref().map(|settings| now + settings.interval);
        Self { settings, next, failed: 0 }
    }

    /// Whether the last checkpoint failed.
    pub(crate) fn is_troubled(&self) -> bool {
        self.failed > 0
    }

    /// When the next checkpoint is to begin.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// When a checkpoint that began at `begun` is given up.
    pub(crate) fn give_up_at(&self, begun: Instant) -> Option<Instant> {
        self.settings.as_ref().map(|settings| begun + settings.timeout)
    }

    /// A checkpoint that began at `begun` is complete at `now`.
    pub(crate) fn completed(&mut self, begun: Instant, now: Instant) {
        self.failed = 0;
        let Some(settings) = &self.settings else { return };
        self.next = Some((begun + settings.interval).max(now + settings.min_pause));
    }

    /// A checkpoint failed at `now`.
    pub(crate) fn failed(&mut self, now: Instant) -> Verdict {
        self.failed += 1;
        let tolerable = self.settings.as_ref().map_or(0, |settings| settings.tolerable_failures);
        self.next = self.settings.as_ref().map(|s| now + s.interval.max(s.min_pause));
        if self.failed > tolerable { Verdict::TooMany(self.failed) } else { Verdict::Tolerated }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace(start: Instant) -> Pace {
        let settings = CheckpointSettings {
            interval: 10 * SECOND,
            min_pause: 4 * SECOND,
            timeout: 60 * SECOND,
            tolerable_failures: 1,
            ..CheckpointSettings::in_folder("unused")
        };
        Pace::new(Some(settings), start)
    }

    #[test]
    fn a_quick_checkpoint_is_followed_one_interval_after_its_begin() {
        let start = Instant::now();
        let mut pace = pace(start);
        assert_eq!(pace.next(), Some(start + 10 * SECOND));
        pace.completed(start + 10 * SECOND, start + 11 * SECOND);
        assert_eq!(pace.next(), Some(start + 20 * SECOND));
    }

    #[test]
    fn a_slow_checkpoint_is_followed_after_the_minimum_pause() {
        let start = Instant::now();
        let mut pace = pace(start);
        pace.completed(start + 10 * SECOND, start + 19 * SECOND);
        assert_eq!(pace.next(), Some(start + 23 * SECOND));
    }

    #[test]
    fn failures_are_tolerated_only_in_a_row_no_longer_than_the_setting() {
        let start = Instant::now();
        let mut pace = pace(start);
        assert_eq!(pace.failed(start), Verdict::Tolerated);
        assert_eq!(pace.next(), Some(start + 10 * SECOND));
        pace.completed(start, start);
        assert_eq!([pace.failed(start), pace.failed(start)], [Verdict::Tolerated, Verdict::TooMany(2)]);
    }

    #[test]
    fn a_checkpoint_is_given_up_after_its_timeout_and_never_without_settings() {
        let start = Instant::now();
        assert_eq!(pace(start).give_up_at(start), Some(start + 60 * SECOND));
        let none = Pace::new(None, start);
        assert_eq!((none.next(), none.give_up_at(start)), (None, None));
    }
}
