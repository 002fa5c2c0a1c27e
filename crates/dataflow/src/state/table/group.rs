//! The entries of one key group: owned, or lent to a snapshot.
//!
//! Answers for a snapshot that never holds up a record: a lent group is left as it is, and what changes is kept beside
//! it until the group is copied, or given back. Copies are rationed ([`Ration`]): each record that finds its group lent
//! pays for a few entries, so that all groups are copied soon, and no batch pays for many of them.
//! Holds: what was lent never changes for those who hold it; while nothing is lent, all this costs one branch.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::state::KeyFunctions;

/// The entries of a group.
pub(super) type Entries<K, V> = HashTable<(K, V)>;

/// How many entries are copied, on average, for each record that finds its group lent. With 64 of them a million entries
/// are copied within a dozen batches, which every record behind the barrier waits for; with 4 it takes some hundred, and
/// those records pay for a second lookup instead.
pub(super) const COPIED_PER_RECORD: usize = 4;

/// How many entries may be copied now.
#[derive(Debug, Default)]
pub(super) struct Ration(usize);

impl Ration {
    /// Adds a record's share; whether a group of `entries` may be copied now, which uses the ration up.
    fn admits(&mut self, entries: usize) -> bool {
        self.0 += COPIED_PER_RECORD;
        let admitted = self.0 >= entries;
        if admitted {
            self.0 = 0;
        }
        admitted
    }
}

/// A key group.
#[derive(Debug)]
pub(super) enum Group<K, V> {
    Owned(Entries<K, V>),
    Lent(Box<Lent<K, V>>),
}

/// A group that a snapshot holds too.
#[derive(Debug)]
pub(super) struct Lent<K, V> {
    entries: Arc<Entries<K, V>>,
    /// What became of keys since: their new value, or none where they were removed.
    changes: HashTable<(K, Option<V>)>,
}

impl<K, V> Default for Group<K, V> {
    fn default() -> Self {
        Group::Owned(HashTable::new())
    }
}

impl<K: Eq, V> Lent<K, V> {
    /// What became of a key, if something did.
    fn change_of(&self, hash: u64, key: &K) -> Option<&Option<V>> {
        self.changes.find(hash, |(changed, _)| changed == key).map(|(_, value)| value)
    }

    fn find_by(&self, hash: u64, is_it: impl Fn(&K, &V) -> bool) -> Option<(&K, &V)> {
        let is_new = |(key, value): &(K, Option<V>)| value.as_ref().is_some_and(|value| is_it(key, value));
        if let Some((key, Some(value))) = self.changes.find(hash, is_new) {
            return Some((key, value));
        }
        let is_old = |(key, value): &(K, V)| is_it(key, value) && self.change_of(hash, key).is_none();
        self.entries.find(hash, is_old).map(|(key, value)| (key, value))
    }
}

impl<K: Eq + Clone, V: Clone> Lent<K, V> {
    /// What `key` has become: its change, which is a copy of its entry if it had none before. `None` for a new key.
    fn change_mut(&mut self, hash: u64, key: &K, keys: KeyFunctions<K>) -> Option<&mut Option<V>> {
        let is_it = |(changed, _): &(K, Option<V>)| changed == key;
        match self.changes.entry(hash, is_it, |(key, _)| (keys.hash)(key)) {
            Entry::Occupied(changed) => Some(&mut changed.into_mut().1),
            Entry::Vacant(place) => {
                let (key, value) = self.entries.find(hash, |(known, _)| known == key)?;
                Some(&mut place.insert((key.clone(), Some(value.clone()))).into_mut().1)
            }
        }
    }

    /// The value of `key`, made by `make` where it has none.
    #[cold]
    fn find_or_insert(
        &mut self,
        hash: u64,
        key: &K,
        make: impl FnOnce() -> V,
        keys: KeyFunctions<K>,
    ) -> &mut V {
        let is_it = |(changed, _): &(K, Option<V>)| changed == key;
        let change = match self.changes.entry(hash, is_it, |(key, _)| (keys.hash)(key)) {
            Entry::Occupied(changed) => changed.into_mut(),
            Entry::Vacant(place) => {
                let known = self.entries.find(hash, |(known, _)| known == key);
                let copy = |(key, value): &(K, V)| (key.clone(), Some(value.clone()));
                place.insert(known.map_or_else(|| (compacted(key, keys), None), copy)).into_mut()
            }
        };
        change.1.get_or_insert_with(make)
    }
}

impl<K: Eq, V> Group<K, V> {
    /// Makes room for so many more entries, where it is not lent.
    pub(super) fn reserve(&mut self, more: usize, keys: KeyFunctions<K>) {
        if let Group::Owned(entries) = self {
            entries.reserve(more, |(key, _)| (keys.hash)(key));
        }
    }

    /// The value of `key`.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &K) -> Option<&V> {
        match self {
            Group::Owned(entries) => entries.find(hash, |(known, _)| known == key).map(|(_, value)| value),
            Group::Lent(lent) => lent.find_by(hash, |known, _| known == key).map(|(_, value)| value),
        }
    }

    /// The entry of this hash that `is_it` is true for.
    pub(super) fn find_by(&self, hash: u64, is_it: impl Fn(&K, &V) -> bool) -> Option<(&K, &V)> {
        match self {
            Group::Owned(entries) => {
                entries.find(hash, |(key, value)| is_it(key, value)).map(|(k, v)| (k, v))
            }
            Group::Lent(lent) => lent.find_by(hash, is_it),
        }
    }

    /// All entries, in no particular order.
    pub(super) fn iter(&self, keys: KeyFunctions<K>) -> impl Iterator<Item = (&K, &V)> {
        let (entries, lent) = match self {
            Group::Owned(entries) => (entries, None),
            Group::Lent(lent) => (&*lent.entries, Some(lent)),
        };
        let is_current = move |(key, _): &(&K, &V)| {
            lent.is_none_or(|lent| lent.changes.is_empty() || lent.change_of((keys.hash)(key), key).is_none())
        };
        let changes = lent.into_iter().flat_map(|lent| lent.changes.iter());
        let changed = changes.filter_map(|(key, value)| value.as_ref().map(|value| (key, value)));
        entries.iter().map(|(key, value)| (key, value)).filter(is_current).chain(changed)
    }
}

impl<K: Eq + Clone, V: Clone> Group<K, V> {
    /// Lends the entries: cheap, unless the group was lent before and has changed since.
    pub(super) fn lend(&mut self, keys: KeyFunctions<K>) -> Arc<Entries<K, V>> {
        if let Group::Lent(lent) = self
            && lent.changes.is_empty()
        {
            return Arc::clone(&lent.entries);
        }
        let entries = Arc::new(std::mem::take(self.own(keys)));
        *self = Group::Lent(Box::new(Lent { entries: Arc::clone(&entries), changes: HashTable::new() }));
        entries
    }

    /// The entries, to be changed; copied if a snapshot still holds them.
    pub(super) fn own(&mut self, keys: KeyFunctions<K>) -> &mut Entries<K, V> {
        if let Group::Lent(_) = self
            && let Group::Lent(lent) = std::mem::take(self)
        {
            let Lent { entries, changes } = *lent;
            let mut entries = Arc::unwrap_or_clone(entries);
            for (key, value) in changes {
                apply(&mut entries, key, value, keys);
            }
            *self = Group::Owned(entries);
        }
        match self {
            Group::Owned(entries) => entries,
            // Not reached: what was lent has just been taken back.
            Group::Lent(lent) => Arc::make_mut(&mut lent.entries),
        }
    }

    /// Takes the group back if nobody holds it any more, or if a copy is due. To be called before a change.
    #[cold]
    pub(super) fn settle(&mut self, ration: &mut Ration, keys: KeyFunctions<K>) {
        if let Group::Lent(lent) = self
            && (Arc::strong_count(&lent.entries) == 1 || ration.admits(lent.entries.len()))
        {
            self.own(keys);
        }
    }

    /// Whether a snapshot holds it.
    #[inline]
    pub(super) fn is_lent(&self) -> bool {
        matches!(self, Group::Lent(_))
    }

    /// The value of `key`, to be changed.
    #[inline]
    pub(super) fn find_mut(&mut self, hash: u64, key: &K, keys: KeyFunctions<K>) -> Option<&mut V> {
        match self {
            Group::Owned(entries) => {
                entries.find_mut(hash, |(known, _)| known == key).map(|(_, value)| value)
            }
            Group::Lent(lent) => lent.change_mut(hash, key, keys)?.as_mut(),
        }
    }

    /// Adds a key that has no value.
    pub(super) fn insert_new(&mut self, hash: u64, mut key: K, value: V, keys: KeyFunctions<K>) {
        match self {
            Group::Owned(entries) => {
                (keys.compact)(&mut key);
                entries.insert_unique(hash, (key, value), |(key, _)| (keys.hash)(key));
            }
            Group::Lent(lent) => {
                lent.find_or_insert(hash, &key, || value, keys);
            }
        }
    }

    /// The value of `key`, made by `make` where the key is new; only then the key is cloned.
    #[inline]
    pub(super) fn find_or_insert(
        &mut self,
        hash: u64,
        key: &K,
        make: impl FnOnce() -> V,
        keys: KeyFunctions<K>,
    ) -> &mut V {
        match self {
            Group::Owned(entries) => {
                let entry = entries.entry(hash, |(known, _)| known == key, |(known, _)| (keys.hash)(known));
                &mut entry.or_insert_with(|| (compacted(key, keys), make())).into_mut().1
            }
            Group::Lent(lent) => lent.find_or_insert(hash, key, make, keys),
        }
    }

    /// Takes the entry of this hash out that `is_it` is true for; gives its value.
    pub(super) fn remove_by(
        &mut self,
        hash: u64,
        is_it: impl Fn(&K, &V) -> bool,
        keys: KeyFunctions<K>,
    ) -> Option<V> {
        match self {
            Group::Owned(entries) => {
                let entry = entries.find_entry(hash, |(key, value)| is_it(key, value)).ok()?;
                Some(entry.remove().0.1)
            }
            Group::Lent(lent) => {
                let key = lent.find_by(hash, is_it)?.0.clone();
                lent.change_mut(hash, &key, keys)?.take()
            }
        }
    }
}

/// A key as it is kept.
fn compacted<K: Clone>(key: &K, keys: KeyFunctions<K>) -> K {
    let mut key = key.clone();
    (keys.compact)(&mut key);
    key
}

/// Makes a change in the entries it was made beside.
fn apply<K: Eq, V>(entries: &mut Entries<K, V>, key: K, value: Option<V>, keys: KeyFunctions<K>) {
    let hash = (keys.hash)(&key);
    match (entries.find_entry(hash, |(known, _)| *known == key), value) {
        (Ok(mut entry), Some(value)) => entry.get_mut().1 = value,
        (Ok(entry), None) => drop(entry.remove()),
        (Err(_), Some(value)) => {
            entries.insert_unique(hash, (key, value), |(key, _)| (keys.hash)(key));
        }
        (Err(_), None) => {}
    }
}
