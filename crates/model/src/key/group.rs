//! Key groups: the fixed buckets between keys and subtasks.
//!
//! Answers for the bucket of a hash, the buckets of a subtask and the subtask of a bucket. Not for hashing.
//! Holds: for every parallelism up to the maximum, the ranges of all subtasks cover each key group exactly once, and
//! `subtask_of` names the subtask whose range holds the group. A key's group never depends on the parallelism.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One of the `MaxParallelism` buckets that keys are divided into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyGroup(pub u16);

impl fmt::Display for KeyGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A run of key groups, `start` included, `end` excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyGroupRange {
    /// The first group.
    pub start: u16,
    /// The group behind the last one.
    pub end: u16,
}

impl KeyGroupRange {
    /// The range from `start` up to, not including, `end`; empty where `end` is not above `start`.
    pub fn new(start: u16, end: u16) -> Self {
        Self { start, end: end.max(start) }
    }

    /// How many groups the range holds.
    pub fn len(&self) -> usize {
        usize::from(self.end.saturating_sub(self.start))
    }

    /// Whether the range holds no group.
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Whether `group` is in the range.
    pub fn contains(&self, group: KeyGroup) -> bool {
        (self.start..self.end).contains(&group.0)
    }

    /// The groups, in order.
    pub fn iter(&self) -> impl Iterator<Item = KeyGroup> + use<> {
        Range::from(*self).map(KeyGroup)
    }

    /// The groups that are in both ranges.
    pub fn intersection(&self, other: &KeyGroupRange) -> KeyGroupRange {
        KeyGroupRange::new(self.start.max(other.start), self.end.min(other.end))
    }
}

impl From<KeyGroupRange> for Range<u16> {
    fn from(range: KeyGroupRange) -> Self {
        range.start..range.end
    }
}

impl fmt::Display for KeyGroupRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// How many key groups a job's keys are divided into: the bound of every later parallelism, 128 unless set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct MaxParallelism(u16);

/// A parallelism outside of what is possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("max parallelism {given} is not possible: it must be from 1 to {}", MaxParallelism::LIMIT)]
pub struct ParallelismError {
    /// The refused number.
    pub given: u32,
}

impl MaxParallelism {
    /// The largest number of key groups.
    pub const LIMIT: u16 = 1 << 15;

    /// Checks the number.
    ///
    /// # Errors
    /// Where it is 0 or above [`MaxParallelism::LIMIT`].
    pub fn new(groups: u32) -> Result<Self, ParallelismError> {
        match u16::try_from(groups) {
            Ok(number @ 1..=Self::LIMIT) => Ok(Self(number)),
            _ => Err(ParallelismError { given: groups }),
        }
    }

    /// The number of key groups.
    pub fn get(self) -> u16 {
        self.0
    }

    /// All key groups.
    pub fn all(self) -> KeyGroupRange {
        KeyGroupRange { start: 0, end: self.0 }
    }
}

impl Default for MaxParallelism {
    fn default() -> Self {
        Self(128)
    }
}

impl TryFrom<u32> for MaxParallelism {
    type Error = ParallelismError;

    fn try_from(groups: u32) -> Result<Self, ParallelismError> {
        Self::new(groups)
    }
}

impl From<MaxParallelism> for u32 {
    fn from(max: MaxParallelism) -> u32 {
        u32::from(max.0)
    }
}

impl fmt::Display for MaxParallelism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The key group of a key with this hash. It reads the hash's middle bits, so that the low bits (the place in a hash
/// table) and the top bits (the tag in it) stay independent within a group.
#[inline]
pub fn key_group_of(hash: u64, max: MaxParallelism) -> KeyGroup {
    let middle = u64::from((hash >> 20) as u32);
    KeyGroup(((middle * u64::from(max.0)) >> 32) as u16)
}

/// The key groups of subtask `subtask` (from 0) out of `parallelism`; empty where there is no such subtask.
///
/// ```
/// use millstream_model::key::{KeyGroupRange, MaxParallelism, range_of};
/// let max = MaxParallelism::new(10).unwrap();
/// assert_eq!(range_of(0, 3, max), KeyGroupRange::new(0, 4));
/// assert_eq!(range_of(1, 3, max), KeyGroupRange::new(4, 7));
/// assert_eq!(range_of(2, 3, max), KeyGroupRange::new(7, 10));
/// ```
pub fn range_of(subtask: u16, parallelism: u16, max: MaxParallelism) -> KeyGroupRange {
    if subtask >= parallelism {
        return KeyGroupRange { start: 0, end: 0 };
    }
    let (subtask, parallelism, max) = (u64::from(subtask), u64::from(parallelism), u64::from(max.0));
    let first_of = |index: u64| (index * max).div_ceil(parallelism) as u16;
    KeyGroupRange { start: first_of(subtask), end: first_of(subtask + 1) }
}

/// The subtask (from 0) out of `parallelism` that owns `group`; 0 where `parallelism` is 0.
#[inline]
pub fn subtask_of(group: KeyGroup, parallelism: u16, max: MaxParallelism) -> u16 {
    (u32::from(group.0) * u32::from(parallelism) / u32::from(max.0)) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_of_all_subtasks_cover_each_group_once(max in 1u32..=32768, parallelism in 1u16..=512) {
            let max = MaxParallelism::new(max).unwrap();
            let parallelism = parallelism.min(max.get());
            let mut next = 0;
            for subtask in 0..parallelism {
                let range = range_of(subtask, parallelism, max);
                prop_assert_eq!(range.start, next);
                prop_assert!(!range.is_empty());
                next = range.end;
            }
            prop_assert_eq!(next, max.get());
        }

        #[test]
        fn the_subtask_of_a_group_is_the_one_whose_range_holds_it(
            max in 1u32..=32768, parallelism in 1u16..=32768, hash: u64,
        ) {
            let max = MaxParallelism::new(max).unwrap();
            let parallelism = parallelism.min(max.get());
            let group = key_group_of(hash, max);
            prop_assert!(max.all().contains(group));
            let owner = subtask_of(group, parallelism, max);
            prop_assert!(range_of(owner, parallelism, max).contains(group));
        }
    }

    #[test]
    fn more_than_the_limit_or_none_at_all_is_refused_with_the_bounds() {
        assert_eq!(
            MaxParallelism::new(0).unwrap_err().to_string(),
            "max parallelism 0 is not possible: it must be from 1 to 32768"
        );
        assert!(MaxParallelism::new(32769).is_err());
        assert_eq!(MaxParallelism::new(32768).unwrap().get(), 32768);
        assert_eq!(MaxParallelism::default().get(), 128);
    }

    #[test]
    fn the_intersection_of_ranges_apart_is_empty() {
        let overlap = KeyGroupRange::new(0, 4).intersection(&KeyGroupRange::new(6, 8));
        assert!(overlap.is_empty());
        assert_eq!(
            KeyGroupRange::new(0, 4).intersection(&KeyGroupRange::new(2, 8)),
            KeyGroupRange::new(2, 4)
        );
    }
}
