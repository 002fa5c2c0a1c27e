//! What all state handles are made of: a column, and the slot of the current key.
//!
//! Answers for counting what a slot holds, so that slots of keys without state are freed, and for misuse, which is kept
//! until the store is asked.
//! Holds: a slot's use is the number of its columns that hold a value plus the number of its timers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use millstream_model::text::Text;

use super::super::error::StateError;
use super::column::Column;

/// The slot of no key.
pub(super) const NO_SLOT: u32 = u32::MAX;

/// The current key's slot, and how much each slot is in use; shared by the store and its handles.
#[derive(Debug)]
pub(super) struct Slots {
    current: Cell<u32>,
    uses: RefCell<Vec<u32>>,
    misuse: RefCell<Option<StateError>>,
}

impl Slots {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self { current: Cell::new(NO_SLOT), uses: RefCell::default(), misuse: RefCell::default() })
    }

    #[inline]
    pub(super) fn current(&self) -> u32 {
        self.current.get()
    }

    #[inline]
    pub(super) fn set_current(&self, slot: u32) {
        self.current.set(slot);
    }

    #[inline]
    pub(super) fn uses(&self, slot: u32) -> u32 {
        self.uses.borrow().get(slot as usize).copied().unwrap_or(0)
    }

    pub(super) fn add_use(&self, slot: u32) {
        let mut uses = self.uses.borrow_mut();
        if uses.len() <= slot as usize {
            uses.resize(slot as usize + 1, 0);
        }
        uses[slot as usize] += 1;
    }

    pub(super) fn drop_use(&self, slot: u32) {
        if let Some(uses) = self.uses.borrow_mut().get_mut(slot as usize) {
            *uses = uses.saturating_sub(1);
        }
    }

    #[cold]
    pub(super) fn misused(&self, error: StateError) {
        self.misuse.borrow_mut().get_or_insert(error);
    }

    pub(super) fn take_misuse(&self) -> Option<StateError> {
        self.misuse.take()
    }
}

/// A value that may count as no value.
pub(super) trait Content {
    /// Whether it is kept.
    fn is_kept(&self) -> bool;

    /// Whether what is the user's of it may hold text: asked once, when the state is declared.
    fn may_hold_text() -> bool;
}

/// A state of the current key.
#[derive(Debug)]
pub(super) struct StateCell<T> {
    name: Rc<str>,
    column: Rc<RefCell<Column<T>>>,
    slots: Rc<Slots>,
    holds_text: bool,
}

impl<T> Clone for StateCell<T> {
    fn clone(&self) -> Self {
        Self {
            name: Rc::clone(&self.name),
            column: Rc::clone(&self.column),
            slots: Rc::clone(&self.slots),
            holds_text: self.holds_text,
        }
    }
}

impl<T: Content> StateCell<T> {
    pub(super) fn new(name: &str, column: Rc<RefCell<Column<T>>>, slots: Rc<Slots>) -> Self {
        Self { name: name.into(), column, slots, holds_text: T::may_hold_text() }
    }
}

impl<T> StateCell<T> {
    /// A part of the value as it is kept: without the read buffers that its texts are views of.
    #[inline]
    pub(super) fn own<V: Clone>(&self, part: V) -> V {
        if self.holds_text { Text::detached_clone(&part) } else { part }
    }

    #[cold]
    fn nested(&self) {
        self.slots.misused(StateError::Nested { name: self.name.to_string() });
    }

    /// Gives `read` the current key's value.
    #[inline]
    pub(super) fn read<R>(&self, read: impl FnOnce(Option<&T>) -> R) -> R {
        match self.column.try_borrow() {
            Ok(column) => read(column.get(self.slots.current())),
            Err(_) => {
                self.nested();
                read(None)
            }
        }
    }
}

impl<T: Clone + Content> StateCell<T> {
    /// Gives `change` the current key's value, to be changed, set or taken.
    #[inline]
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Option<T>) -> R) -> R {
        let slot = self.slots.current();
        if slot == NO_SLOT {
            self.slots.misused(StateError::NoKey { name: self.name.to_string() });
            return change(&mut None);
        }
        let Ok(mut column) = self.column.try_borrow_mut() else {
            self.nested();
            return change(&mut None);
        };
        let value = column.slot_mut(slot);
        let before = value.is_some();
        let result = change(value);
        if value.as_ref().is_some_and(|value| !value.is_kept()) {
            *value = None;
        }
        match (before, value.is_some()) {
            (false, true) => self.slots.add_use(slot),
            (true, false) => self.slots.drop_use(slot),
            _ => {}
        }
        result
    }

    /// Removes the current key's value.
    pub(super) fn clear(&self) {
        // Not through `change` where there is nothing: that would make room for the slot.
        if self.read(|value| value.is_some()) {
            self.change(|value| *value = None);
        }
    }
}
