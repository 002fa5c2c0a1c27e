//! Whether and when a failed job is started again. A pure decision.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use millstream_model::error::Failure;

use crate::settings::Restart;

/// The history of a job's failures under a strategy.
pub(crate) struct Restarts {
    strategy: Restart,
    count: u32,
    recent: VecDeque<Instant>,
    wait: Option<Duration>,
}

impl Restarts {
    pub(crate) fn new(strategy: Restart) -> Self {
        Self { strategy, count: 0, recent: VecDeque::new(), wait: None }
    }

    /// How often it was started again.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// A failure at `now`: how long to wait before the next attempt, or `None` to give up.
    pub(crate) fn after_failure(&mut self, now: Instant) -> Option<Duration> {
        let delay = match &self.strategy {
            Restart::Never => None,
            Restart::FixedDelay { attempts, delay } => (self.count < *attempts).then_some(*delay),
            Restart::FailureRate { failures, interval, delay } => {
                self.recent.push_back(now);
                while self.recent.front().is_some_and(|at| now.duration_since(*at) > *interval) {
                    self.recent.pop_front();
                }
                (self.recent.len() <= *failures as usize).then_some(*delay)
            }
            Restart::ExponentialDelay { initial, max, factor, reset_after } => {
                let long_ago = self.recent.back().is_none_or(|at| now.duration_since(*at) > *reset_after);
                self.recent = VecDeque::from([now]);
                let next = match self.wait {
                    Some(wait) if !long_ago => wait.mul_f64(factor.max(1.0)).min(*max),
                    _ => (*initial).min(*max),
                };
                self.wait = Some(next);
                Some(next)
            }
        };
        if delay.is_some() {
            self.count += 1;
        }
        delay
    }

    /// The failure that ended the job, with what had been tried.
    pub(crate) fn exhausted(&self, failure: Failure) -> Failure {
        match (&self.strategy, self.count) {
            (Restart::Never, _) | (_, 0) => failure,
            (_, count) => {
                failure.advice(format!("the job was started again {count} times and failed each time"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_fixed_delay_gives_up_after_its_attempts() {
        let mut restarts = Restarts::new(Restart::FixedDelay { attempts: 2, delay: SECOND });
        let now = Instant::now();
        assert_eq!([(); 3].map(|()| restarts.after_failure(now)), [Some(SECOND), Some(SECOND), None]);
        assert_eq!(restarts.count(), 2);
    }

    #[test]
    fn a_failure_rate_forgets_what_is_older_than_its_interval() {
        let strategy = Restart::FailureRate { failures: 1, interval: 10 * SECOND, delay: SECOND };
        let (mut restarts, start) = (Restarts::new(strategy), Instant::now());
        assert_eq!(restarts.after_failure(start), Some(SECOND));
        assert_eq!(restarts.after_failure(start + 11 * SECOND), Some(SECOND));
        assert_eq!(restarts.after_failure(start + 12 * SECOND), None);
    }

    #[test]
    fn an_exponential_delay_grows_to_its_limit_and_begins_anew_after_a_good_run() {
        let strategy = Restart::ExponentialDelay {
            initial: SECOND,
            max: 3 * SECOND,
            factor: 2.0,
            reset_after: 60 * SECOND,
        };
        let (mut restarts, start) = (Restarts::new(strategy), Instant::now());
        let waits: Vec<_> = (0..3).map(|n| restarts.after_failure(start + n * SECOND)).collect();
        assert_eq!(waits, [Some(SECOND), Some(2 * SECOND), Some(3 * SECOND)]);
        assert_eq!(restarts.after_failure(start + 100 * SECOND), Some(SECOND));
    }
}
