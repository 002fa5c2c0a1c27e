//! Which tasks of a stage take so long that they are worth a second attempt elsewhere.
//!
//! Answers for the rule, which is Spark's. Not for where the second attempt runs (`team`) nor for which of two counts
//! (`scheduler`).
//! Holds: nothing is a straggler before the quantile of the stage's tasks has ended.

use std::time::Duration;

/// When a task that runs is started a second time. The first attempt that ends well counts, the other one is told to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speculation {
    /// So many times as long as the median of the tasks that have ended; above 0.
    pub multiplier: f64,
    /// So much of a stage has ended before any of its tasks is a straggler; from 0 to 1.
    pub quantile: f64,
    /// How often is looked.
    pub interval: Duration,
    /// What has run for less is no straggler.
    pub min_runtime: Duration,
}

impl Default for Speculation {
    /// 1.5 times the median, once three quarters have ended; looked at each 100 ms, of tasks that take longer than that.
    fn default() -> Self {
        let tenth = Duration::from_millis(100);
        Self { multiplier: 1.5, quantile: 0.75, interval: tenth, min_runtime: tenth }
    }
}

impl Speculation {
    /// After how long a task is a straggler, where `took` is what those took that have ended, of `tasks` in all. `None`
    /// while it is too early to say.
    pub(super) fn threshold(&self, took: &mut [Duration], tasks: usize) -> Option<Duration> {
        let needed = ((tasks as f64 * self.quantile) as usize).max(1);
        if took.len() < needed || took.len() >= tasks {
            return None;
        }
        let middle = took.len() / 2;
        let (_, median, _) = took.select_nth_unstable(middle);
        let long = Duration::try_from_secs_f64(median.as_secs_f64() * self.multiplier);
        Some(long.unwrap_or(Duration::MAX).max(self.min_runtime))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_straggler_before_the_quantile_has_ended() {
        let rule = Speculation { min_runtime: Duration::ZERO, ..Speculation::default() };
        let mut took: Vec<Duration> = [4, 1, 2].map(Duration::from_secs).into();
        assert_eq!(rule.threshold(&mut took[..2], 4), None);
        assert_eq!(rule.threshold(&mut took, 4), Some(Duration::from_secs(3)));
        assert_eq!(rule.threshold(&mut took, 3), None, "all have ended");
        assert_eq!(rule.threshold(&mut [], 1), None, "one alone has nothing to be measured by");
    }

    #[test]
    fn short_tasks_are_no_stragglers() {
        let mut took = vec![Duration::from_millis(2); 9];
        assert_eq!(Speculation::default().threshold(&mut took, 10), Some(Duration::from_millis(100)));
    }
}
