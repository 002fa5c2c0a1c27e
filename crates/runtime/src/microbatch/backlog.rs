//! When to warn that batches queue up.
//!
//! Holds: a warning for each doubling of the queue, so that a log is neither silent nor flooded.

/// Remembers what was warned about.
#[derive(Default)]
pub(super) struct Backlog {
    warned_at: usize,
}

/// What there is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// Batches take longer than their interval.
    FallsBehind,
    /// None waits any more.
    CaughtUp,
}

impl Backlog {
    /// Takes note of how many batches wait behind the one that is processed.
    pub(super) fn note(&mut self, queued: usize) -> Option<Notice> {
        if queued >= 2 && queued >= self.warned_at * 2 {
            self.warned_at = queued;
            return Some(Notice::FallsBehind);
        }
        if queued <= 1 && self.warned_at > 0 {
            self.warned_at = 0;
            return Some(Notice::CaughtUp);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_queue_is_warned_about_at_each_doubling_and_its_end_is_told() {
        let mut backlog = Backlog::default();
        let notices = [1, 2, 3, 4, 5, 8, 7, 2, 1, 1, 2].map(|queued| backlog.note(queued));
        let (behind, caught_up) = (Some(Notice::FallsBehind), Some(Notice::CaughtUp));
        assert_eq!(notices, [None, behind, None, behind, None, behind, None, None, caught_up, None, behind]);
    }
}
