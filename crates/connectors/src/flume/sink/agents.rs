//! Which of several agents is next.
//!
//! Answers for failover, turns and chance, and for leaving alone those that failed. Not for connections.
//! Holds: an agent that failed is left alone for a time that doubles; where all are, the one that is due first is next.

use std::time::{Duration, Instant};

use crate::flume::settings::Choose;

/// The first time for which an agent is left alone.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Agents {
    choose: Choose,
    longest_pause: Duration,
    rests: Vec<Rest>,
    /// Whose turn it is.
    turn: usize,
    chance: u64,
}

#[derive(Clone, Copy)]
struct Rest {
    failures: u32,
    until: Instant,
}

impl Agents {
    /// `seed` makes the chance of several subtasks differ.
    pub(super) fn new(count: usize, choose: Choose, longest_pause: Duration, seed: u64) -> Self {
        let rests = vec![Rest { failures: 0, until: Instant::now() }; count];
        // Subtasks begin with different agents.
        let turn =
            if choose == Choose::RoundRobin { usize::try_from(seed).unwrap_or(0) % count.max(1) } else { 0 };
        Self { choose, longest_pause, rests, turn, chance: seed.wrapping_mul(2).wrapping_add(1) }
    }

    /// The next agent, and when it may be asked.
    pub(super) fn next(&mut self, now: Instant) -> (usize, Instant) {
        let count = self.rests.len().max(1);
        let begin = match self.choose {
            Choose::Failover => 0,
            Choose::RoundRobin => {
                self.turn = (self.turn + 1) % count;
                self.turn
            }
            Choose::Random => {
                self.chance = self
                    .chance
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(self.chance >> 33).unwrap_or(0) % count
            }
        };
        let order = (0..count).map(|step| (begin + step) % count);
        let rested = order.clone().find(|at| self.rests.get(*at).is_some_and(|rest| rest.until <= now));
        let chosen = rested.or_else(|| order.min_by_key(|at| self.rests.get(*at).map(|rest| rest.until)));
        let chosen = chosen.unwrap_or(0);
        (chosen, self.rests.get(chosen).map_or(now, |rest| rest.until))
    }

    pub(super) fn served(&mut self, agent: usize) {
        if let Some(rest) = self.rests.get_mut(agent) {
            rest.failures = 0;
        }
    }

    pub(super) fn failed(&mut self, agent: usize, now: Instant) {
        if let Some(rest) = self.rests.get_mut(agent) {
            let pause = FIRST_PAUSE.saturating_mul(1 << rest.failures.min(16)).min(self.longest_pause);
            *rest = Rest { failures: rest.failures + 1, until: now + pause };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn failover_goes_back_to_the_first_once_it_has_rested() {
        let mut agents = Agents::new(3, Choose::Failover, LONG, 0);
        let now = Instant::now();
        assert_eq!(agents.next(now).0, 0);
        agents.failed(0, now);
        assert_eq!(agents.next(now).0, 1);
        agents.served(1);
        assert_eq!(agents.next(now).0, 1);
        assert_eq!(agents.next(now + FIRST_PAUSE).0, 0);
        // The second failure in a row is rested twice as long.
        agents.failed(0, now);
        assert_eq!((agents.next(now + FIRST_PAUSE).0, agents.next(now + 2 * FIRST_PAUSE).0), (1, 0));
    }

    #[test]
    fn turns_and_chance_reach_all_and_pass_over_those_that_failed() {
        for choose in [Choose::RoundRobin, Choose::Random] {
            let mut agents = Agents::new(3, choose, LONG, 7);
            let now = Instant::now();
            let mut seen = [0; 3];
            (0..60).for_each(|_| seen[agents.next(now).0] += 1);
            assert!(seen.iter().all(|count| *count > 5), "{seen:?}");
            agents.failed(1, now);
            assert!((0..60).all(|_| agents.next(now).0 != 1));
        }
    }

    #[test]
    fn where_all_have_failed_the_one_that_is_due_first_is_next() {
        let mut agents = Agents::new(2, Choose::Failover, LONG, 0);
        let now = Instant::now();
        agents.failed(0, now);
        agents.failed(0, now);
        agents.failed(1, now);
        assert_eq!(agents.next(now), (1, now + FIRST_PAUSE));
    }
}
