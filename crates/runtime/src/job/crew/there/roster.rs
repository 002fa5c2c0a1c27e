//! Which executors a job has, and which of its subtasks run on which.
//!
//! Answers for placement: a slot takes one subtask of each chain, so a job needs as many slots as its widest chain has
//! subtasks. Slots are counted over the executors in the order of their numbers; the subtasks of a chain lie in the first
//! of them, so that equal subtasks of two chains stand in one process. A slot that an executor had in the last placement it
//! has again: its state may still be there.
//! Holds: an executor that is gone is in no placement; one that has another plan is in none either.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::master::Attendee;
use crate::control::{ExecutorId, Peer};

/// An executor, as far as it has made itself known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// How many slots it has.
    pub(crate) slots: u32,
    /// Where it listens for records.
    pub(crate) data: SocketAddr,
    /// The job of the program that it has come to, and the fingerprint of its plan.
    pub(crate) at: BTreeMap<u64, String>,
}

/// The executors that are there.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    members: BTreeMap<ExecutorId, Member>,
    /// Why the program cannot run in an executor, where one has said so.
    unfit: Option<String>,
    /// Who had which slot of a job last.
    last: BTreeMap<u64, Vec<ExecutorId>>,
}

/// Who runs what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// Everybody who takes part.
    pub(crate) peers: Vec<Peer>,
    /// For each chain, for each of its subtasks.
    pub(crate) places: Vec<Vec<ExecutorId>>,
}

/// Why there is no placement yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// Slots of executors that have come to the job: so many there are, so many it needs.
    Slots {
        /// There are.
        have: u32,
        /// It needs.
        need: u32,
    },
    /// An executor made another plan of the same program.
    OtherPlan(ExecutorId),
    /// The program cannot run in an executor, which has said why.
    Unfit(String),
}

impl Roster {
    /// An executor is there.
    pub(crate) fn add(&mut self, executor: ExecutorId, slots: u32, data: SocketAddr) {
        self.members.insert(executor, Member { slots, data, at: BTreeMap::new() });
    }

    /// The program cannot run in an executor.
    pub(crate) fn unfit(&mut self, why: String) {
        self.unfit.get_or_insert(why);
    }

    /// An executor is gone. Gives whether it was there.
    pub(crate) fn remove(&mut self, executor: ExecutorId) -> bool {
        self.members.remove(&executor).is_some()
    }

    /// An executor has come to a job of the program.
    pub(crate) fn at_job(&mut self, executor: ExecutorId, number: u64, fingerprint: String) {
        if let Some(member) = self.members.get_mut(&executor) {
            member.at.insert(number, fingerprint);
        }
    }

    /// The slots of executors that have come to a job.
    pub(crate) fn slots_at(&self, number: u64) -> u32 {
        self.members
            .values()
            .filter(|member| member.at.contains_key(&number))
            .map(|member| member.slots)
            .sum()
    }

    /// The executors that are there, for one job.
    pub(crate) fn attendees(&self, number: u64) -> Vec<Attendee> {
        let attendee = |(executor, member): (&ExecutorId, &Member)| Attendee {
            executor: *executor,
            slots: member.slots,
            fingerprint: member.at.get(&number).cloned(),
        };
        self.members.iter().map(attendee).collect()
    }

    /// Places the subtasks of a job whose chains have so many each.
    ///
    /// # Errors
    /// What is lacking.
    pub(crate) fn place(
        &mut self,
        number: u64,
        fingerprint: &str,
        chains: &[u32],
    ) -> Result<Placement, Lacking> {
        if let Some(why) = &self.unfit {
            return Err(Lacking::Unfit(why.clone()));
        }
        let need = chains.iter().copied().max().unwrap_or(0);
        let mut free: BTreeMap<ExecutorId, u32> = BTreeMap::new();
        for (executor, member) in &self.members {
            match member.at.get(&number) {
                None => continue,
                Some(other) if other != fingerprint => return Err(Lacking::OtherPlan(*executor)),
                Some(_) => {}
            }
            free.insert(*executor, member.slots);
        }
        let have: u32 = free.values().sum();
        if have < need {
            return Err(Lacking::Slots { have, need });
        }
        let slots = fill(&mut free, self.last.get(&number).map_or(&[][..], Vec::as_slice), need);
        let used = self.members.iter().filter(|(executor, _)| slots.contains(executor));
        let peers = used.map(|(executor, member)| Peer { executor: *executor, data: member.data }).collect();
        let places = chains.iter().map(|subtasks| slots[..*subtasks as usize].to_vec()).collect();
        self.last.insert(number, slots);
        Ok(Placement { peers, places })
    }
}

/// Who has each of `need` slots: whoever had it before, where there still is one free, or else the first that has one.
fn fill(free: &mut BTreeMap<ExecutorId, u32>, before: &[ExecutorId], need: u32) -> Vec<ExecutorId> {
    let mut take = |executor: &ExecutorId| {
        let left = free.get_mut(executor).filter(|left| **left > 0)?;
        *left -= 1;
        Some(*executor)
    };
    let mut again: Vec<Option<ExecutorId>> = before.iter().take(need as usize).map(&mut take).collect();
    again.resize(need as usize, None);
    let mut rest = free.iter().flat_map(|(executor, left)| std::iter::repeat_n(*executor, *left as usize));
    again.into_iter().filter_map(|kept| kept.or_else(|| rest.next())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(slots: &[u32]) -> Roster {
        let mut roster = Roster::default();
        for (number, slots) in slots.iter().enumerate() {
            let id = ExecutorId(number as u64);
            roster.add(id, *slots, ([127, 0, 0, 1], number as u16).into());
            roster.at_job(id, 0, "same".into());
        }
        roster
    }

    #[test]
    fn subtasks_fill_slots_in_order_and_the_same_ones_of_two_chains_stand_together() {
        let placement = roster(&[2, 1]).place(0, "same", &[3, 1, 2]).unwrap();
        let (a, b) = (ExecutorId(0), ExecutorId(1));
        assert_eq!(placement.places, [vec![a, a, b], vec![a], vec![a, a]]);
        assert_eq!(placement.peers.len(), 2);
    }

    #[test]
    fn whoever_is_still_there_has_the_slots_that_it_had() {
        let mut roster = roster(&[1, 1, 1]);
        let [a, b, c] = [0, 1, 2].map(ExecutorId);
        assert_eq!(roster.place(0, "same", &[3]).unwrap().places, [[a, b, c]]);
        roster.remove(a);
        let new = ExecutorId(3);
        roster.add(new, 1, ([127, 0, 0, 1], 3).into());
        roster.at_job(new, 0, "same".into());
        assert_eq!(roster.place(0, "same", &[3]).unwrap().places, [[new, b, c]]);
        assert_eq!(
            roster.place(0, "same", &[1, 2]).unwrap().places,
            [vec![new], vec![new, b]],
            "of fewer, too"
        );
    }

    #[test]
    fn executors_that_are_not_needed_take_no_part() {
        assert_eq!(roster(&[2, 2]).place(0, "same", &[2]).unwrap().peers.len(), 1);
    }

    #[test]
    fn an_executor_that_is_gone_or_has_not_come_to_the_job_does_not_count() {
        let mut roster = roster(&[1, 1]);
        roster.remove(ExecutorId(0));
        roster.add(ExecutorId(5), 4, ([127, 0, 0, 1], 5).into());
        assert_eq!(roster.place(0, "same", &[2]), Err(Lacking::Slots { have: 1, need: 2 }));
        roster.at_job(ExecutorId(5), 0, "same".into());
        assert_eq!(roster.place(0, "same", &[2]).unwrap().places, [[ExecutorId(1), ExecutorId(5)]]);
    }

    #[test]
    fn where_the_program_cannot_run_it_has_no_place_whoever_comes() {
        let mut roster = roster(&[1]);
        roster.unfit("another Python".into());
        roster.remove(ExecutorId(0));
        assert_eq!(roster.place(0, "same", &[1]), Err(Lacking::Unfit("another Python".into())));
    }

    #[test]
    fn another_plan_is_noticed() {
        let mut roster = roster(&[1]);
        roster.at_job(ExecutorId(0), 1, "other".into());
        assert_eq!(roster.place(1, "same", &[1]), Err(Lacking::OtherPlan(ExecutorId(0))));
    }
}
