//! On which workers slots are taken.
//!
//! Answers for spreading: each slot is taken where most are free. Not for who gets them (`scheduling`).
//! Holds: never more than are free, and all that were wanted if there are as many.

use super::event::WorkerId;

/// Takes `wanted` slots, or as many as there are; each worker at most once in the answer, in the order given.
pub(super) fn spread(free: &[(WorkerId, u32)], wanted: u32) -> Vec<(WorkerId, u32)> {
    let mut left: Vec<u32> = free.iter().map(|(_, slots)| *slots).collect();
    for _ in 0..wanted {
        // The first of those with most, so that the same question has the same answer.
        let most = (0..left.len()).rev().max_by_key(|place| left[*place]).filter(|place| left[*place] > 0);
        let Some(place) = most else { break };
        left[place] -= 1;
    }
    let taken = free.iter().zip(left).map(|((worker, slots), left)| (*worker, slots - left));
    taken.filter(|(_, slots)| *slots > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(free: &[u32]) -> Vec<(WorkerId, u32)> {
        free.iter().enumerate().map(|(number, slots)| (WorkerId(number as u64), *slots)).collect()
    }

    fn taken(free: &[u32], wanted: u32) -> Vec<(u64, u32)> {
        spread(&workers(free), wanted).into_iter().map(|(worker, slots)| (worker.0, slots)).collect()
    }

    #[test]
    fn slots_are_spread_over_the_workers() {
        assert_eq!(taken(&[2, 2, 2], 3), [(0, 1), (1, 1), (2, 1)]);
        assert_eq!(taken(&[1, 4], 3), [(1, 3)]);
        assert_eq!(taken(&[1, 4], 4), [(0, 1), (1, 3)]);
    }

    #[test]
    fn no_more_are_taken_than_there_are() {
        assert_eq!(taken(&[1, 0, 2], 9), [(0, 1), (2, 2)]);
        assert_eq!(taken(&[], 1), []);
    }
}
