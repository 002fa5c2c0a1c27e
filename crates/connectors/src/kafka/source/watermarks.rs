//! Event time of a subtask that reads several partitions: as far as the one that is furthest behind.
//!
//! Answers for old records of one partition not being late because another is read sooner. Not for partitions of other
//! subtasks: whoever joins their streams waits for all of them.
//! Holds: watermarks never go back; a partition of which nothing has come yet holds them back, unless it is idle.

use std::time::{Duration, Instant};

use millstream_dataflow::source::SourceOutput;
use millstream_model::error::Result;
use millstream_model::time::Timestamp;

/// How long after a partition was given to a subtask another may follow that was found with it: a reader is asked again
/// every 200 ms whether it takes more.
const SETTLED: Duration = Duration::from_millis(500);
/// How often watermarks are emitted.
const INTERVAL: Duration = Duration::from_millis(20);

/// What the user says of times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watermarks {
    /// How much older than the newest record of its partition a record may be.
    pub(super) out_of_order: Duration,
    /// After how long without a record a partition is not waited for.
    pub(super) idle_after: Option<Duration>,
}

/// What is known of the times of one partition.
pub(super) struct Times {
    newest: Option<Timestamp>,
    quiet_since: Instant,
}

impl Times {
    pub(super) fn new() -> Self {
        Self { newest: None, quiet_since: Instant::now() }
    }

    /// Notes the times of records that were emitted.
    pub(super) fn note(&mut self, times: &[Timestamp]) {
        self.newest = self.newest.max(times.iter().max().copied());
        self.quiet_since = Instant::now();
    }
}

/// Emits the watermarks of one subtask.
pub(super) struct Tracker {
    settings: Watermarks,
    added: Instant,
    looked: Instant,
    emitted: Option<Timestamp>,
    is_idle: bool,
}

impl Tracker {
    pub(super) fn new(settings: Watermarks) -> Self {
        let now = Instant::now();
        Self { settings, added: now, looked: now, emitted: None, is_idle: false }
    }

    /// Notes that a partition was added.
    pub(super) fn added(&mut self) {
        self.added = Instant::now();
    }

    /// Emits how far event time has come in all of these partitions, if that is further than before.
    pub(super) fn advance<'a, T>(
        &mut self,
        partitions: impl Iterator<Item = &'a Times>,
        output: &mut SourceOutput<'_, T>,
    ) -> Result<()> {
        if self.looked.elapsed() < INTERVAL || self.added.elapsed() < SETTLED {
            return Ok(());
        }
        self.looked = Instant::now();
        let idle_after = self.settings.idle_after;
        let is_idle = |times: &&Times| idle_after.is_some_and(|after| times.quiet_since.elapsed() >= after);
        // `None` is less than every time: a partition without one holds all back.
        let Some(slowest) = partitions.filter(|times| !is_idle(times)).map(|times| times.newest).min() else {
            if !std::mem::replace(&mut self.is_idle, true) {
                output.idle()?;
            }
            return Ok(());
        };
        let Some(newest) = slowest else { return Ok(()) };
        let behind = i64::try_from(self.settings.out_of_order.as_millis()).unwrap_or(i64::MAX);
        let watermark = Timestamp::from_millis(newest.millis().saturating_sub(behind).saturating_sub(1));
        if self.is_idle || self.emitted.is_none_or(|emitted| watermark > emitted) {
            self.is_idle = false;
            let watermark = self.emitted.map_or(watermark, |emitted| emitted.max(watermark));
            self.emitted = Some(watermark);
            output.watermark(watermark)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use millstream_dataflow::operator::{ChainContext, Control, Downstream};

    use super::*;

    /// Keeps the watermarks, and `None` for idleness.
    struct Heard(Vec<Option<i64>>);

    impl Downstream<u64> for Heard {
        fn open(&mut self, _: &mut ChainContext<'_>) -> Result<()> {
            Ok(())
        }

        fn batch(&mut self, _: &mut millstream_dataflow::batch::Batch<u64>) -> Result<()> {
            Ok(())
        }

        fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
            match control {
                Control::Watermark(time) => self.0.push(Some(time.millis())),
                Control::Idle => self.0.push(None),
                _ => {}
            }
            Ok(())
        }
    }

    fn times(newest: Option<i64>, quiet: Duration) -> Times {
        let quiet_since = Instant::now().checked_sub(quiet).unwrap();
        Times { newest: newest.map(Timestamp::from_millis), quiet_since }
    }

    /// What is emitted for partitions as they are one moment after the other.
    fn heard(idle_after: Option<Duration>, moments: &[Vec<Times>]) -> Vec<Option<i64>> {
        let mut tracker = Tracker::new(Watermarks { out_of_order: Duration::from_millis(10), idle_after });
        let long_ago = Instant::now().checked_sub(SETTLED).unwrap();
        let mut heard = Heard(Vec::new());
        for partitions in moments {
            (tracker.added, tracker.looked) = (long_ago, long_ago);
            tracker.advance(partitions.iter(), &mut SourceOutput::new(&mut heard)).unwrap();
        }
        heard.0
    }

    const NOW: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(2);

    #[test]
    fn event_time_is_that_of_the_partition_furthest_behind_and_never_goes_back() {
        let moments = [
            vec![times(Some(1_000), NOW), times(None, NOW)],
            vec![times(Some(1_000), NOW), times(Some(100), NOW)],
            vec![times(Some(2_000), NOW), times(Some(500), LONG)],
            vec![times(Some(2_000), NOW), times(Some(500), NOW), times(Some(7), NOW)],
        ];
        assert_eq!(heard(None, &moments), [Some(89), Some(489)]);
    }

    #[test]
    fn a_partition_that_is_idle_is_not_waited_for_and_all_idle_are_told_once() {
        let idle = Some(Duration::from_secs(1));
        let moments = [
            vec![times(Some(1_000), NOW), times(None, LONG)],
            vec![times(Some(1_000), LONG), times(None, LONG)],
            vec![times(Some(1_000), LONG), times(None, LONG)],
            vec![times(Some(1_000), LONG), times(Some(50), NOW)],
        ];
        assert_eq!(heard(idle, &moments), [Some(989), None, Some(989)]);
    }
}
