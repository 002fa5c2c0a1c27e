//! Who makes what: of several jobs or tasks that need the same thing made, one makes it and the others wait.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_dataflow::lineage::Cancellation;
use millstream_model::error::Result;

/// How often one that waits asks whether it was told to stop.
const ASK: Duration = Duration::from_millis(20);

/// The things that are being made.
pub(super) struct Claims<K> {
    made: Mutex<HashSet<K>>,
    released: Condvar,
}

impl<K> Default for Claims<K> {
    fn default() -> Self {
        Self { made: Mutex::default(), released: Condvar::new() }
    }
}

impl<K: Hash + Eq + Copy> Claims<K> {
    fn made(&self) -> MutexGuard<'_, HashSet<K>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else makes `what`.
    pub(super) fn claim(&self, what: K, cancellation: &Cancellation) -> Result<()> {
        let mut made = self.made();
        while !made.insert(what) {
            cancellation.check()?;
            made = self.released.wait_timeout(made, ASK).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Lets the next one make `what`, should it still be needed.
    pub(super) fn release(&self, what: K) {
        self.made().remove(&what);
        self.released.notify_all();
    }
}
