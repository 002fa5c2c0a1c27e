//! A column whose type only its handles know.
//!
//! Answers for what a store does with all its states alike: naming, freezing, restoring. Called per snapshot, never per
//! record.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use millstream_model::key::KeyGroupRange;

use super::super::error::GroupError;
use super::super::snapshot::{KeyedMeta, KeyedPart, read_group};
use super::super::table::FrozenTable;
use super::super::{KeyData, StateData};
use super::cell::{Content, Slots};
use super::column::Column;

/// Gives the slot of a key.
pub(super) type SlotOf<'a, K> = dyn FnMut(&K) -> Result<u32, GroupError> + 'a;

pub(super) trait AnyColumn<K> {
    fn meta(&self) -> &KeyedMeta;

    /// Whether its values may hold text.
    fn keeps_text(&self) -> bool;

    fn freeze(&self, keys: Arc<FrozenTable<K, u32>>, range: KeyGroupRange) -> KeyedPart;

    fn restore_group(&self, bytes: &[u8], slot_of: &mut SlotOf<'_, K>) -> Result<(), GroupError>;
}

pub(super) struct TypedColumn<T> {
    pub(super) meta: KeyedMeta,
    pub(super) column: Rc<RefCell<Column<T>>>,
    pub(super) slots: Rc<Slots>,
}

impl<K: KeyData, T: StateData + Content> AnyColumn<K> for TypedColumn<T> {
    fn meta(&self) -> &KeyedMeta {
        &self.meta
    }

    fn keeps_text(&self) -> bool {
        T::may_hold_text()
    }

    fn freeze(&self, keys: Arc<FrozenTable<K, u32>>, range: KeyGroupRange) -> KeyedPart {
        let column = self.column.borrow_mut().freeze();
        KeyedPart::new(self.meta.clone(), range, move |group, encoder, out| {
            let mut entries = 0;
            for (key, slot) in keys.iter_group(group) {
                if let Some(value) = column.get(*slot) {
                    encoder.encode(&(key, value), out)?;
                    entries += 1;
                }
            }
            Ok(entries)
        })
    }

    fn restore_group(&self, bytes: &[u8], slot_of: &mut SlotOf<'_, K>) -> Result<(), GroupError> {
        read_group(bytes, |decoder, input, entry| {
            let decoded = decoder.decode::<(K, T)>(input);
            let (key, value) = decoded.map_err(|source| GroupError::Decode { entry, source })?;
            let slot = slot_of(&key)?;
            if self.column.borrow_mut().slot_mut(slot).replace(value).is_none() {
                self.slots.add_use(slot);
            }
            Ok(())
        })
    }
}
