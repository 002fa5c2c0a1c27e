//! Copies of values in which no text keeps a buffer alive that is larger than itself.
//!
//! Answers for texts at any depth of a value of any type: while the copy is made, cloning a [`Text`] detaches it. Not for
//! texts behind a shared pointer of the value's own, such as an `Arc`: cloning that copies nothing.
//! Holds: only on the thread that asked, and only until the copy is made or its making panics, clones are detached.

use std::cell::Cell;

use super::Text;

thread_local! {
    static DETACHING: Cell<bool> = const { Cell::new(false) };
    /// Whether a view of a larger buffer was met while clones were detached.
    static MET: Cell<bool> = const { Cell::new(false) };
}

/// Whether clones are to be detached.
#[inline]
pub(super) fn is_asked_for() -> bool {
    DETACHING.get()
}

/// Says that a clone was detached.
#[inline]
pub(super) fn met() {
    MET.set(true);
}

/// Puts things back as they were, after a panic too.
struct Until(bool);

impl Drop for Until {
    fn drop(&mut self) {
        DETACHING.set(self.0);
    }
}

impl Text {
    /// A clone of `value` in which each text is [detached](Text::detach): what is kept of a record that holds texts.
    ///
    /// ```
    /// # use millstream_model::text::Text;
    /// let line = Text::from("a line that is much longer than what is kept of it");
    /// let record = (1, Some(line.slice(2..20)));
    /// let (_, kept) = Text::detached_clone(&record);
    /// assert!(kept.is_some_and(|part| part.pinned_bytes() < line.pinned_bytes()));
    /// ```
    pub fn detached_clone<T: Clone>(value: &T) -> T {
        let _until = Until(DETACHING.replace(true));
        value.clone()
    }

    /// As [`Text::detached_clone`], and whether that made a difference: whether a text in `value` was a view of a buffer
    /// larger than itself.
    pub fn detached_clone_of_views<T: Clone>(value: &T) -> (T, bool) {
        MET.set(false);
        let clone = Self::detached_clone(value);
        (clone, MET.get())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn view() -> Text {
        Text::from("0123456789".repeat(10_000)).slice(10..40)
    }

    #[test]
    fn texts_at_any_depth_let_go_of_their_buffers() {
        let value = BTreeMap::from([(view(), vec![(7, Some(Box::new(view())))])]);
        let kept = Text::detached_clone(&value);
        assert_eq!(kept, value);
        let (key, list) = kept.first_key_value().unwrap();
        assert!(key.pinned_bytes() < 100);
        assert!(list[0].1.as_ref().unwrap().pinned_bytes() < 100);
    }

    #[test]
    fn whether_there_was_a_view_is_told() {
        assert!(Text::detached_clone_of_views(&(1, [view()])).1);
        let (own, had_views) =
            Text::detached_clone_of_views(&(view().detach(), Text::from("short"), "plain".to_owned()));
        assert!(!had_views && own.0 == view());
    }

    #[test]
    fn clones_share_again_afterwards_even_if_cloning_panicked() {
        struct Refuses;
        impl Clone for Refuses {
            fn clone(&self) -> Self {
                panic!("cannot be copied")
            }
        }
        assert!(catch_unwind(AssertUnwindSafe(|| Text::detached_clone(&Refuses))).is_err());
        assert!(view().clone().pinned_bytes() > 1000);
    }
}
