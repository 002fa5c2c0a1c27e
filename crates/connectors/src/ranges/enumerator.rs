//! Cutting a run of numbers into one split for each subtask.

use std::collections::VecDeque;

use millstream_dataflow::source::{NextSplit, SplitEnumerator};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;

use super::RangeSplit;

/// How numbers are dealt out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// In runs: the first subtask has the first ones.
    Runs,
    /// By turns, so that all splits go on for as long as there are numbers.
    Turns,
}

/// Hands out splits; they are made when the first is asked for, since only then it is known for how many readers.
pub(crate) struct RangeEnumerator {
    total: u64,
    cut: Cut,
    waiting: Option<VecDeque<RangeSplit>>,
}

impl RangeEnumerator {
    /// For the numbers from 0 to below `total`.
    pub(crate) fn new(total: u64, cut: Cut, restored: Option<Vec<u8>>) -> Result<Self> {
        let waiting = match restored {
            None => None,
            Some(bytes) => from_bytes(&bytes).map_err(|error| {
                Failure::user("the checkpoint's splits do not fit this source").because(error)
            })?,
        };
        Ok(Self { total, cut, waiting })
    }

    fn splits(&self, readers: u64) -> VecDeque<RangeSplit> {
        let readers = readers.max(1);
        let split = |index: u64| match self.cut {
            Cut::Turns => RangeSplit { first: index, next: index, end: self.total, step: readers },
            Cut::Runs => {
                let at = |index: u64| {
                    // The product of two u64 fits u128, and the quotient is at most the total.
                    u64::try_from(u128::from(self.total) * u128::from(index) / u128::from(readers))
                        .unwrap_or(self.total)
                };
                RangeSplit { first: at(index), next: at(index), end: at(index + 1), step: 1 }
            }
        };
        (0..readers).map(split).filter(|split| split.left() > 0).collect()
    }
}

impl SplitEnumerator<RangeSplit> for RangeEnumerator {
    fn next_split(&mut self, subtask: Subtask) -> Result<NextSplit<RangeSplit>> {
        let fresh = match self.waiting.take() {
            Some(waiting) => waiting,
            None => self.splits(u64::from(subtask.of)),
        };
        let next = self.waiting.insert(fresh).pop_front();
        Ok(next.map_or(NextSplit::NoMore, NextSplit::Split))
    }

    fn add_back(&mut self, splits: Vec<RangeSplit>) {
        for split in splits.into_iter().rev() {
            self.waiting.get_or_insert_default().push_front(split);
        }
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        to_bytes(&self.waiting).map_err(|error| Failure::internal("splits cannot be encoded").because(error))
    }
}
