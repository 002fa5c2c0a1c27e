//! State: what operators remember between records, and how it is written down and read back.
//!
//! A [`table::KeyedTable`] holds one value per key, a [`keyed::KeyedStore`] the named states of a process function, and
//! [`timers::Timers`] what is to happen later; all of them by key group. A snapshot *freezes* them, which shares the
//! memory instead of copying it: only what is written to while the snapshot is being encoded elsewhere is copied, one
//! key group or one chunk of slots at a time. The frozen parts ([`snapshot`]) are encoded ([`encoding`]) by whoever
//! uploads them, and read back through [`restore`].
//!
//! Answers for the layout by key group in memory, for snapshots that do not stop the stream, and for their encoding.
//! Not for where snapshots are kept (crate `millstream-state`) nor for when they are taken (the runtime).

mod detach;
pub mod encoding;
pub mod error;
pub mod keyed;
pub mod restore;
mod share;
pub mod snapshot;
pub mod table;
pub mod timers;

pub use detach::{Detacher, detached, may_hold_text};
pub use error::StateError;
pub use restore::OperatorRestore;
pub use snapshot::{OperatorSnapshot, StateKind};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What can be kept in state: written down, read back, copied where it changes during a snapshot, and read by the
/// thread that uploads. Implemented by every such type.
pub trait StateData: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> StateData for T {}

/// What can be the key of state. Implemented by every such type.
pub trait KeyData: StateData + Eq {}

impl<T: StateData + Eq> KeyData for T {}

/// How keys of one type are hashed and kept.
#[derive(Debug)]
pub struct KeyFunctions<K> {
    /// The hash that decides the key's group; always the one that records are routed by.
    pub hash: fn(&K) -> u64,
    /// Called once when a key is put into state, to let go of what it shares (such as the buffer it was read into).
    pub compact: fn(&mut K),
}

impl<K> KeyFunctions<K> {
    /// Keys that are kept as they are.
    pub fn new(hash: fn(&K) -> u64) -> Self {
        Self { hash, compact: |_| {} }
    }
}

impl<K> Clone for KeyFunctions<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for KeyFunctions<K> {}
