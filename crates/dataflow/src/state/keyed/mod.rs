//! The states of a process function: named, of several kinds, all for the current key.
//!
//! Answers for the current key, found with one lookup per record; for its timers; and for snapshot and restore of every
//! state by its name. Not for calling the function.
//! Holds: a key has a slot as long as one of its states holds something or one of its timers waits, and while it is the
//! current key; names are unique within a store.

mod cell;
mod column;
mod declare;
mod descriptor;
mod erased;
mod states;
#[cfg(test)]
mod tests;
mod timing;

pub use descriptor::{
    AggregatingStateDescriptor, ListStateDescriptor, MapStateDescriptor, ReducingStateDescriptor,
    ValueStateDescriptor,
};
pub use states::{AggregatingState, ListState, MapState, ReducingState, ValueState};
pub use timing::TimeDomain;

use std::rc::Rc;
use std::sync::Arc;

use millstream_model::key::{KeyGroupRange, MaxParallelism};

use self::cell::{NO_SLOT, Slots};
use self::erased::AnyColumn;
use self::timing::Waiting;
use super::error::{ForeignKey, StateError};
use super::restore::OperatorRestore;
use super::snapshot::{KeyedPart, StateKind};
use super::table::{KeyedTable, checked_hash};
use super::{KeyData, KeyFunctions};

/// The states and timers of one operator in one subtask.
///
/// Declare the states, restore once, then per record set the key and use the states' handles:
///
/// ```
/// use millstream_dataflow::state::keyed::{KeyedStore, ValueStateDescriptor};
/// use millstream_dataflow::state::{KeyFunctions, OperatorRestore};
/// use millstream_model::key::MaxParallelism;
///
/// # fn hash(key: &u64) -> u64 { key.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
/// let max = MaxParallelism::default();
/// let mut store = KeyedStore::new(max.all(), max, KeyFunctions::new(hash));
/// let seen = store.value(&ValueStateDescriptor::<u64>::new("seen"))?;
/// store.restore(&mut OperatorRestore::empty())?;
///
/// for key in [3u64, 4, 3] {
///     store.set_key(hash(&key), &key)?;
///     seen.with_mut(|count| *count += 1);
/// }
/// store.check()?;
/// assert_eq!(seen.get(), Some(2));
/// # Ok::<(), millstream_dataflow::state::StateError>(())
/// ```
pub struct KeyedStore<K> {
    range: KeyGroupRange,
    max: MaxParallelism,
    keys: KeyedTable<K, u32>,
    current_hash: u64,
    free: Vec<u32>,
    next_slot: u32,
    slots: Rc<Slots>,
    columns: Vec<Box<dyn AnyColumn<K>>>,
    event_time: Waiting<K>,
    processing_time: Waiting<K>,
    opened: bool,
}

impl<K: KeyData> KeyedStore<K> {
    /// A store without states for the key groups `range` out of `max`.
    pub fn new(range: KeyGroupRange, max: MaxParallelism, keys: KeyFunctions<K>) -> Self {
        Self {
            range,
            max,
            keys: KeyedTable::new(range, max, keys),
            current_hash: 0,
            free: Vec::new(),
            next_slot: 0,
            slots: Slots::new(),
            columns: Vec::new(),
            event_time: Waiting::new(StateKind::EventTimers),
            processing_time: Waiting::new(StateKind::ProcessingTimers),
            opened: false,
        }
    }

    /// How many keys have a slot.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key has one.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether one of the declared states may hold text. Then what is put into them should hold on to no read buffer: see
    /// [`Text::detached_clone`](millstream_model::text::Text::detached_clone).
    pub fn keeps_text(&self) -> bool {
        self.columns.iter().any(|column| column.keeps_text())
    }

    /// Makes `key`, whose hash is `hash`, the one that all handles and timers mean.
    ///
    /// # Errors
    /// Where the key is not of the store's groups.
    #[inline]
    pub fn set_key(&mut self, hash: u64, key: &K) -> Result<(), ForeignKey> {
        self.release_unused();
        let (free, next) = (&mut self.free, &mut self.next_slot);
        let take_slot = || {
            free.pop().unwrap_or_else(|| {
                *next += 1;
                *next - 1
            })
        };
        // A known key is only looked up, so that a snapshot in progress need not be copied for it.
        let slot = match self.keys.get(hash, key) {
            Some(slot) => *slot,
            None => *self.keys.get_or_insert_ref(hash, key, take_slot)?,
        };
        self.slots.set_current(slot);
        self.current_hash = hash;
        Ok(())
    }

    /// Leaves no key current, as after a batch.
    pub fn unset_key(&mut self) {
        self.release_unused();
        self.slots.set_current(NO_SLOT);
    }

    /// Whether states were used as they can be; to be asked once per batch.
    ///
    /// # Errors
    /// Where a state was written to without a current key, or from within a function that was given its value. Such a
    /// write is lost, so the job must fail.
    pub fn check(&self) -> Result<(), StateError> {
        self.slots.take_misuse().map_or(Ok(()), Err)
    }

    /// Frees the current key's slot where it holds nothing.
    #[inline]
    fn release_unused(&mut self) {
        let slot = self.slots.current();
        if slot != NO_SLOT && self.slots.uses(slot) == 0 {
            self.keys.remove_by(self.current_hash, |_, known| *known == slot);
            self.free.push(slot);
            self.slots.set_current(NO_SLOT);
        }
    }

    /// Freezes all states and timers.
    pub fn freeze(&mut self) -> Vec<KeyedPart> {
        self.unset_key();
        let keys = Arc::new(self.keys.freeze());
        let range = self.range;
        let mut parts: Vec<KeyedPart> =
            self.columns.iter().map(|column| column.freeze(Arc::clone(&keys), range)).collect();
        parts.extend(self.freeze_timers());
        parts
    }

    /// Fills the declared states and the timers from a checkpoint; afterwards no state can be declared.
    ///
    /// # Errors
    /// Where a state was of another kind or type, or its bytes are broken.
    pub fn restore(&mut self, restore: &mut OperatorRestore) -> Result<(), StateError> {
        self.opened = true;
        let columns = std::mem::take(&mut self.columns);
        let filled = columns.iter().try_for_each(|column| self.fill(&**column, restore));
        self.columns = columns;
        filled?;
        self.restore_timers(restore)?;
        self.unset_key();
        Ok(())
    }

    fn fill(&mut self, column: &dyn AnyColumn<K>, restore: &mut OperatorRestore) -> Result<(), StateError> {
        let (hash_of, max) = (self.keys.key_functions().hash, self.max);
        let Some(state) = restore.claim_keyed(column.meta())? else { return Ok(()) };
        state.read(|group, bytes| {
            column.restore_group(bytes, &mut |key| {
                let hash = checked_hash(hash_of, key, group, max)?;
                self.set_key(hash, key)?;
                Ok(self.slots.current())
            })
        })
    }
}
