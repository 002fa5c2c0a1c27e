//! The timers of a store's keys.
//!
//! Answers for registering and firing for the current key, and for slots that stay because of a timer. Not for what
//! happens when one fires.
//! Holds: while a timer of a key waits, the key keeps its slot; a fired timer's key is the current one.

use super::super::KeyData;
use super::super::error::{ForeignKey, GroupError, StateError};
use super::super::restore::OperatorRestore;
use super::super::snapshot::{KeyedMeta, KeyedPart, StateKind, read_group};
use super::super::table::checked_hash;
use super::super::timers::{Timers, timers_meta};
use super::KeyedStore;
use super::cell::NO_SLOT;

/// Which clock a timer goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeDomain {
    /// The watermark.
    EventTime,
    /// The machine's clock.
    ProcessingTime,
}

/// The timers of one clock, and those of one time that are just firing.
pub(super) struct Waiting<K> {
    pub(super) meta: KeyedMeta,
    timers: Timers<K>,
    firing_time: i64,
    firing: Vec<(u64, K)>,
}

impl<K> Waiting<K> {
    pub(super) fn new(kind: StateKind) -> Self {
        Self { meta: timers_meta::<K>(kind), timers: Timers::new(), firing_time: 0, firing: Vec::new() }
    }
}

impl<K: KeyData> KeyedStore<K> {
    fn waiting(&mut self, domain: TimeDomain) -> &mut Waiting<K> {
        match domain {
            TimeDomain::EventTime => &mut self.event_time,
            TimeDomain::ProcessingTime => &mut self.processing_time,
        }
    }

    /// Registers a timer for the current key at `time` (milliseconds since 1970); false where it has one at that time,
    /// or no key is current, which [`KeyedStore::check`] then reports.
    pub fn register_timer(&mut self, domain: TimeDomain, time: i64) -> bool {
        let Some(key) = self.current_key() else {
            let name = self.waiting(domain).meta.name.clone();
            self.slots.misused(StateError::NoKey { name });
            return false;
        };
        let (hash, slot) = (self.current_hash, self.slots.current());
        let registered = self.waiting(domain).timers.register(time, hash, &key);
        if registered {
            self.slots.add_use(slot);
        }
        registered
    }

    /// Deletes the current key's timer at `time`; false where it has none.
    pub fn delete_timer(&mut self, domain: TimeDomain, time: i64) -> bool {
        let Some(key) = self.current_key() else { return false };
        let (hash, slot) = (self.current_hash, self.slots.current());
        let deleted = self.waiting(domain).timers.delete(time, hash, &key);
        if deleted {
            self.slots.drop_use(slot);
        }
        deleted
    }

    /// The time of the next timer.
    pub fn next_timer(&self, domain: TimeDomain) -> Option<i64> {
        let waiting = match domain {
            TimeDomain::EventTime => &self.event_time,
            TimeDomain::ProcessingTime => &self.processing_time,
        };
        if waiting.firing.is_empty() { waiting.timers.next_due() } else { Some(waiting.firing_time) }
    }

    /// Takes the next timer whose time is at most `up_to` and makes its key the current one; none where no more are
    /// due. To be called until then: timers registered meanwhile fire too, if they are due.
    ///
    /// # Errors
    /// Where the timer's key is not of the store's groups.
    pub fn fire_next(&mut self, domain: TimeDomain, up_to: i64) -> Result<Option<(K, i64)>, ForeignKey> {
        let waiting = self.waiting(domain);
        if waiting.firing.is_empty() {
            let Some((time, keys)) = waiting.timers.pop_due(up_to) else { return Ok(None) };
            waiting.firing_time = time;
            waiting.firing = keys;
        }
        let time = waiting.firing_time;
        let Some((hash, key)) = waiting.firing.pop() else { return Ok(None) };
        self.set_key(hash, &key)?;
        self.slots.drop_use(self.slots.current());
        Ok(Some((key, time)))
    }

    fn current_key(&self) -> Option<K> {
        let slot = self.slots.current();
        if slot == NO_SLOT {
            return None;
        }
        self.keys.find_by(self.current_hash, |_, known| *known == slot).map(|(key, _)| key.clone())
    }

    pub(super) fn freeze_timers(&mut self) -> Vec<KeyedPart> {
        let (range, max) = (self.range, self.max);
        let kinds = [&mut self.event_time, &mut self.processing_time];
        let in_use = kinds.into_iter().filter(|kind| !kind.timers.is_empty() || !kind.firing.is_empty());
        in_use
            .map(|waiting| {
                let mut frozen = waiting.timers.freeze();
                frozen.add(waiting.firing_time, waiting.firing.iter().cloned());
                frozen.into_part(waiting.meta.clone(), range, max)
            })
            .collect()
    }

    pub(super) fn restore_timers(&mut self, restore: &mut OperatorRestore) -> Result<(), StateError> {
        let (hash_of, max) = (self.keys.key_functions().hash, self.max);
        for domain in [TimeDomain::EventTime, TimeDomain::ProcessingTime] {
            let meta = self.waiting(domain).meta.clone();
            let Some(state) = restore.claim_keyed_if_present(&meta)? else { continue };
            state.read(|group, bytes| {
                read_group(bytes, |decoder, input, entry| {
                    let decoded = decoder.decode::<(i64, K)>(input);
                    let (time, key) = decoded.map_err(|source| GroupError::Decode { entry, source })?;
                    self.set_key(checked_hash(hash_of, &key, group, max)?, &key)?;
                    self.register_timer(domain, time);
                    Ok(())
                })
            })?;
        }
        Ok(())
    }
}
