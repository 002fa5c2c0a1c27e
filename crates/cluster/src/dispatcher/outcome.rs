//! How a job ended, and what is known of its failures.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The end of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In one word.
    pub state: End,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Why, where it is a failure.
    pub failure: Option<String>,
}

/// How a job can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Its program came to its end.
    Finished,
    /// It was told to end.
    Canceled,
    /// It failed for good.
    Failed,
}

/// How often the masters of a job died, and what of it is remembered.
#[derive(Debug, Default)]
pub(super) struct Crashes {
    /// Since the last time that a master lived long.
    in_a_row: u32,
    /// The last causes.
    causes: VecDeque<Cause>,
}

/// One death of a master or executor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What is known about it.
    pub what: String,
}

/// How many causes are listed.
const LISTED: usize = 10;

impl Crashes {
    /// Notes a death; `lived` is how long the process had lived, `calm` how long is long.
    pub(super) fn note(&mut self, at: i64, what: String, lived: u64, calm: u64) {
        if lived >= calm {
            self.in_a_row = 0;
        }
        self.in_a_row += 1;
        if self.causes.len() == LISTED {
            self.causes.pop_front();
        }
        self.causes.push_back(Cause { at, what });
    }

    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// The oldest first.
    pub(super) fn causes(&self) -> Vec<Cause> {
        self.causes.iter().cloned().collect()
    }

    /// How long to wait before the next start: nothing after the first death, then `first`, doubled each time.
    pub(super) fn pause(&self, first: u64, most: u64) -> u64 {
        match self.in_a_row {
            0 | 1 => 0,
            more => first.saturating_mul(1 << (more - 2).min(20)).min(most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_until_a_process_has_lived_long() {
        let mut crashes = Crashes::default();
        let mut pauses = Vec::new();
        for _ in 0..5 {
            crashes.note(0, "x".into(), 10, 1000);
            pauses.push(crashes.pause(100, 350));
        }
        assert_eq!(pauses, [0, 100, 200, 350, 350]);
        crashes.note(0, "x".into(), 1000, 1000);
        assert_eq!((crashes.in_a_row(), crashes.pause(100, 350)), (1, 0));
        assert_eq!(crashes.causes().len(), 6);
    }
}
