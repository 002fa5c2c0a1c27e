//! When a batch that was not taken is sent again.
//!
//! Holds: each wait is twice as long as the one before, up to the longest, and never shorter than the server asked for.

use std::time::{Duration, Instant};

/// The waits of one batch.
pub(super) struct Patience {
    begun: Instant,
    next: Duration,
    longest: Duration,
    limit: Duration,
    pub(super) attempts: u32,
}

impl Patience {
    pub(super) fn new(first: Duration, longest: Duration, limit: Duration) -> Self {
        Self { begun: Instant::now(), next: first.min(longest), longest, limit, attempts: 0 }
    }

    /// How long to wait before the next attempt; `None` if there is to be none.
    pub(super) fn wait(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.attempts += 1;
        // Some of the writers wait less, so that they do not all come back at once.
        let own = self.next - self.next.mul_f64(0.25 * chance());
        self.next = self.next.saturating_mul(2).min(self.longest);
        let wait = own.max(asked.unwrap_or_default());
        (self.begun.elapsed().saturating_add(wait) < self.limit).then_some(wait)
    }
}

/// A number from 0 to below 1 that nobody can foresee.
fn chance() -> f64 {
    (super::writer::unforeseeable() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_no_shorter_than_was_asked_for() {
        let seconds = Duration::from_secs;
        let mut patience = Patience::new(seconds(8), seconds(20), seconds(1_000));
        for whole in [8, 16, 20, 20] {
            let wait = patience.wait(None).unwrap();
            assert!(wait <= seconds(whole) && wait >= seconds(whole).mul_f64(0.75), "{wait:?}");
        }
        assert_eq!(patience.wait(Some(seconds(60))), Some(seconds(60)));
        assert_eq!(patience.wait(Some(seconds(1_000))), None);
        assert_eq!(patience.attempts, 6);
    }
}
