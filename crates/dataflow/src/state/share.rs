//! Memory that a snapshot and an operator share until one of them is done with it.
//!
//! Answers for copy on write without a cost on the way there: while nothing is shared, a write is one branch.
//! Holds: what was shared never changes for those who hold it.

use std::sync::Arc;

/// A value that is owned, or shared with a snapshot.
#[derive(Debug)]
pub(super) enum Shareable<T> {
    Owned(T),
    Shared(Arc<T>),
}

impl<T: Default> Default for Shareable<T> {
    fn default() -> Self {
        Shareable::Owned(T::default())
    }
}

impl<T: Default> Shareable<T> {
    #[inline]
    pub(super) fn get(&self) -> &T {
        match self {
            Shareable::Owned(value) => value,
            Shareable::Shared(value) => value,
        }
    }

    /// Shares the value: from here on the first write copies it, unless the other side has let go by then.
    pub(super) fn share(&mut self) -> Arc<T> {
        let shared = match std::mem::take(self) {
            Shareable::Owned(value) => Arc::new(value),
            Shareable::Shared(value) => value,
        };
        *self = Shareable::Shared(Arc::clone(&shared));
        shared
    }

    #[inline]
    pub(super) fn get_mut(&mut self) -> &mut T
    where
        T: Clone,
    {
        if let Shareable::Shared(_) = self {
            self.own();
        }
        match self {
            Shareable::Owned(value) => value,
            // Only reached if `own` had not done its work; then this does it.
            Shareable::Shared(value) => Arc::make_mut(value),
        }
    }

    #[cold]
    fn own(&mut self)
    where
        T: Clone,
    {
        if let Shareable::Shared(value) = std::mem::take(self) {
            *self = Shareable::Owned(Arc::unwrap_or_clone(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_leaves_what_was_shared_as_it_was() {
        let mut value = Shareable::Owned(vec![1]);
        let shared = value.share();
        value.get_mut().push(2);
        assert_eq!((shared.as_slice(), value.get().as_slice()), (&[1][..], &[1, 2][..]));
    }

    #[test]
    fn a_write_after_the_other_side_let_go_copies_nothing() {
        let mut value = Shareable::Owned(vec![1, 2, 3]);
        let place = value.get().as_ptr();
        drop(value.share());
        assert_eq!(value.get_mut().as_ptr(), place);
    }
}
