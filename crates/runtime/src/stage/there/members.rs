//! The executors of the program, as far as tasks concern them.
//!
//! Holds: whoever is chosen has come to the job, has a free slot, and serves its blocks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

use millstream_dataflow::lineage::ShuffleId;

use crate::control::ExecutorId;
use crate::job::Attendee;

/// An executor.
#[derive(Default)]
pub(super) struct Member {
    pub(super) slots: u32,
    /// How many tasks run there.
    pub(super) busy: u32,
    /// Where it serves blocks.
    pub(super) blocks: Option<SocketAddr>,
    /// Whether it has come to the job that runs.
    pub(super) is_at_job: bool,
    /// Which version of the places of shuffles it was told.
    pub(super) told: HashMap<ShuffleId, u64>,
}

impl Member {
    fn is_usable(&self) -> bool {
        self.is_at_job && self.blocks.is_some()
    }

    fn free(&self) -> u32 {
        if self.is_usable() { self.slots.saturating_sub(self.busy) } else { 0 }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Members {
    there: BTreeMap<ExecutorId, Member>,
    /// Those that a job did not wait for any longer; no other job does before they have come to one.
    late: HashSet<ExecutorId>,
}

impl Members {
    /// Takes over who is there; gives those that no longer are, and whoever came to the job with another fingerprint.
    pub(super) fn sync(
        &mut self,
        attendees: Vec<Attendee>,
        fingerprint: Option<&str>,
    ) -> (Vec<ExecutorId>, Option<(ExecutorId, String)>) {
        let present: HashSet<ExecutorId> = attendees.iter().map(|attendee| attendee.executor).collect();
        let gone: Vec<ExecutorId> = self.there.keys().filter(|id| !present.contains(id)).copied().collect();
        gone.iter().for_each(|id| drop(self.there.remove(id)));
        let mut other = None;
        for Attendee { executor, slots, fingerprint: theirs } in attendees {
            let member = self.there.entry(executor).or_default();
            member.slots = slots;
            member.is_at_job = theirs.is_some() && theirs.as_deref() == fingerprint;
            if member.is_at_job {
                self.late.remove(&executor);
            }
            if let (Some(theirs), Some(ours)) = (theirs, fingerprint)
                && theirs != ours
            {
                other = Some((executor, theirs));
            }
        }
        (gone, other)
    }

    pub(super) fn get(&self, executor: ExecutorId) -> Option<&Member> {
        self.there.get(&executor)
    }

    /// An executor, which may not have been seen yet.
    pub(super) fn entry(&mut self, executor: ExecutorId) -> &mut Member {
        self.there.entry(executor).or_default()
    }

    pub(super) fn get_mut(&mut self, executor: ExecutorId) -> Option<&mut Member> {
        self.there.get_mut(&executor)
    }

    /// Nobody asks for a shuffle any more.
    pub(super) fn forget(&mut self, shuffle: ShuffleId) {
        self.there.values_mut().for_each(|member| member.told.retain(|told, _| *told != shuffle));
    }

    /// A task there has ended.
    pub(super) fn freed(&mut self, executor: ExecutorId) {
        if let Some(member) = self.there.get_mut(&executor) {
            member.busy = member.busy.saturating_sub(1);
        }
    }

    /// The slots of those that have come to the job.
    pub(super) fn slots(&self) -> u32 {
        self.there.values().filter(|member| member.is_usable()).map(|member| member.slots).sum()
    }

    /// Whether all of `granted`, and all that are there, have come to the job, but for those that are late.
    pub(super) fn are_all_at_job(&self, granted: impl IntoIterator<Item = ExecutorId>) -> bool {
        let came =
            |id: &ExecutorId| self.late.contains(id) || self.there.get(id).is_some_and(Member::is_usable);
        granted.into_iter().all(|id| came(&id)) && self.there.keys().all(came)
    }

    /// Those that have not come are not waited for any more.
    pub(super) fn give_up(&mut self, granted: impl IntoIterator<Item = ExecutorId>) {
        let absent = self.there.iter().filter(|(_, member)| !member.is_usable()).map(|(id, _)| *id);
        let absent: Vec<ExecutorId> = absent.collect();
        let there = &self.there;
        let never_seen = granted.into_iter().filter(|id| !there.contains_key(id));
        self.late.extend(absent.into_iter().chain(never_seen));
    }

    /// Whether it has a free slot; `None` if it cannot run tasks at all.
    pub(super) fn has_room(&self, executor: ExecutorId) -> Option<bool> {
        self.there.get(&executor).filter(|member| member.is_usable()).map(|member| member.free() > 0)
    }

    /// Who has the most free slots, if anybody has one.
    pub(super) fn freest(&self) -> Option<ExecutorId> {
        self.freest_of(|_| true)
    }

    /// As that, of those that are `wanted`.
    pub(super) fn freest_of(&self, wanted: impl Fn(ExecutorId) -> bool) -> Option<ExecutorId> {
        let free = self.there.iter().filter(|(id, member)| member.free() > 0 && wanted(**id));
        free.max_by_key(|(id, member)| (member.free(), std::cmp::Reverse(**id))).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attendee(executor: u64, slots: u32, fingerprint: Option<&str>) -> Attendee {
        Attendee { executor: ExecutorId(executor), slots, fingerprint: fingerprint.map(Into::into) }
    }

    fn members(attendees: Vec<Attendee>) -> Members {
        let mut members = Members::default();
        members.sync(attendees, Some("same"));
        members.there.values_mut().for_each(|member| member.blocks = Some(([127, 0, 0, 1], 1).into()));
        members
    }

    #[test]
    fn tasks_go_where_most_slots_are_free_and_nowhere_else_than_to_the_job() {
        let mut members =
            members(vec![attendee(1, 2, Some("same")), attendee(2, 3, Some("same")), attendee(3, 9, None)]);
        assert_eq!(members.freest(), Some(ExecutorId(2)));
        members.entry(ExecutorId(2)).busy = 2;
        assert_eq!(members.freest(), Some(ExecutorId(1)));
        assert_eq!((members.has_room(ExecutorId(3)), members.slots()), (None, 5));
    }

    #[test]
    fn one_that_is_late_is_not_waited_for_until_it_has_come() {
        let mut members = members(vec![attendee(1, 1, Some("same")), attendee(2, 1, None)]);
        let granted = [ExecutorId(1), ExecutorId(2), ExecutorId(3)];
        assert!(!members.are_all_at_job(granted));
        members.give_up(granted);
        assert!(members.are_all_at_job(granted));
        members.sync(vec![attendee(1, 1, Some("same")), attendee(2, 1, Some("same"))], Some("same"));
        members.sync(vec![attendee(1, 1, Some("next")), attendee(2, 1, None)], Some("next"));
        assert!(!members.are_all_at_job(granted), "it came once, and is waited for again");
    }

    #[test]
    fn who_is_gone_and_who_came_to_another_job_is_told() {
        let mut members = members(vec![attendee(1, 1, Some("same")), attendee(2, 1, None)]);
        let (gone, other) = members.sync(vec![attendee(2, 1, Some("other"))], Some("same"));
        assert_eq!((gone, other), (vec![ExecutorId(1)], Some((ExecutorId(2), "other".into()))));
        assert_eq!(members.freest(), None);
    }
}
