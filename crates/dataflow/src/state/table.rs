//! One value per key, by key group: the state of keyed aggregates and the index of a keyed store.
//!
//! Answers for finding, changing, freezing and restoring. Not for hashing: whoever routes records has hashed already.
//! Holds: every key lies in the group that its hash names, and only groups of the table's range are held; a frozen
//! table shows the moment it was frozen at, whatever happens later; nothing is allocated for a key that is there.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use millstream_model::key::{KeyGroup, KeyGroupRange, MaxParallelism, key_group_of};

use super::encoding::{EncodeError, Encoder};
use super::error::{ForeignKey, GroupError};
use super::share::Shareable;
use super::snapshot::{KeyedMeta, KeyedPart, read_group};
use super::{KeyData, KeyFunctions, StateData};

type Group<K, V> = HashTable<(K, V)>;

/// One value per key, for the key groups of one subtask.
///
/// Every call takes the key's hash, which must be what [`KeyFunctions::hash`] gives.
///
/// ```
/// use millstream_dataflow::state::KeyFunctions;
/// use millstream_dataflow::state::table::KeyedTable;
/// use millstream_model::key::MaxParallelism;
///
/// fn hash(key: &u64) -> u64 {
///     key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
/// }
/// let max = MaxParallelism::default();
/// let mut counts = KeyedTable::new(max.all(), max, KeyFunctions::new(hash));
/// for key in [3u64, 4, 3] {
///     *counts.get_or_insert_with(hash(&key), key, || 0u64).unwrap() += 1;
/// }
/// assert_eq!(counts.get(hash(&3), &3), Some(&2));
/// ```
#[derive(Debug)]
pub struct KeyedTable<K, V> {
    range: KeyGroupRange,
    max: MaxParallelism,
    groups: Vec<Shareable<Group<K, V>>>,
    keys: KeyFunctions<K>,
    len: usize,
}

impl<K, V> KeyedTable<K, V> {
    /// An empty table for the groups `range` out of `max`.
    pub fn new(range: KeyGroupRange, max: MaxParallelism, keys: KeyFunctions<K>) -> Self {
        let groups = range.iter().map(|_| Shareable::default()).collect();
        Self { range, max, groups, keys, len: 0 }
    }

    /// The groups the table holds.
    pub fn range(&self) -> KeyGroupRange {
        self.range
    }

    /// How the keys are hashed and kept.
    pub fn key_functions(&self) -> KeyFunctions<K> {
        self.keys
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn index_of(&self, hash: u64) -> usize {
        usize::from(key_group_of(hash, self.max).0.wrapping_sub(self.range.start))
    }

    #[cold]
    fn foreign(&self, hash: u64) -> ForeignKey {
        ForeignKey { group: key_group_of(hash, self.max), owned: self.range }
    }

    /// The entries of one group, in no particular order; none where the group is not the table's.
    pub fn iter_group(&self, group: KeyGroup) -> impl Iterator<Item = (&K, &V)> {
        let index = usize::from(group.0.wrapping_sub(self.range.start));
        self.groups
            .get(index)
            .into_iter()
            .flat_map(|group| group.get().iter().map(|(key, value)| (key, value)))
    }

    /// All entries, group by group.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.groups.iter().flat_map(|group| group.get().iter().map(|(key, value)| (key, value)))
    }

    /// Freezes the table: cheap, whatever its size. A group is copied at the first change after this, unless the frozen
    /// one has been let go of by then.
    pub fn freeze(&mut self) -> FrozenTable<K, V> {
        FrozenTable {
            range: self.range,
            groups: self.groups.iter_mut().map(Shareable::share).map(Some).collect(),
        }
    }
}

impl<K: Eq, V> KeyedTable<K, V> {
    /// The value of `key`.
    #[inline]
    pub fn get(&self, hash: u64, key: &K) -> Option<&V> {
        let group = self.groups.get(self.index_of(hash))?;
        group.get().find(hash, |(known, _)| known == key).map(|(_, value)| value)
    }

    /// The entry of this hash that `is_it` is true for.
    pub(super) fn find_by(&self, hash: u64, is_it: impl Fn(&K, &V) -> bool) -> Option<(&K, &V)> {
        let group = self.groups.get(self.index_of(hash))?;
        group.get().find(hash, |(key, value)| is_it(key, value)).map(|(key, value)| (key, value))
    }
}

impl<K: Eq + Clone, V: Clone> KeyedTable<K, V> {
    /// The value of `key`, to be changed.
    #[inline]
    pub fn get_mut(&mut self, hash: u64, key: &K) -> Option<&mut V> {
        let index = self.index_of(hash);
        let group = self.groups.get_mut(index)?;
        group.get_mut().find_mut(hash, |(known, _)| known == key).map(|(_, value)| value)
    }

    /// The value of `key`, made by `make` where the key is new.
    ///
    /// # Errors
    /// Where the key is not of the table's groups.
    #[inline]
    pub fn get_or_insert_with(
        &mut self,
        hash: u64,
        key: K,
        make: impl FnOnce() -> V,
    ) -> Result<&mut V, ForeignKey> {
        let (index, keys) = (self.index_of(hash), self.keys);
        if index >= self.groups.len() {
            return Err(self.foreign(hash));
        }
        let group = self.groups[index].get_mut();
        match group.entry(hash, |(known, _)| *known == key, |(known, _)| (keys.hash)(known)) {
            Entry::Occupied(entry) => Ok(&mut entry.into_mut().1),
            Entry::Vacant(entry) => {
                self.len += 1;
                let mut key = key;
                (keys.compact)(&mut key);
                Ok(&mut entry.insert((key, make())).into_mut().1)
            }
        }
    }

    /// As [`KeyedTable::get_or_insert_with`], cloning the key only where it is new.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn get_or_insert_ref(
        &mut self,
        hash: u64,
        key: &K,
        make: impl FnOnce() -> V,
    ) -> Result<&mut V, ForeignKey> {
        let (index, keys) = (self.index_of(hash), self.keys);
        if index >= self.groups.len() {
            return Err(self.foreign(hash));
        }
        let group = self.groups[index].get_mut();
        match group.entry(hash, |(known, _)| known == key, |(known, _)| (keys.hash)(known)) {
            Entry::Occupied(entry) => Ok(&mut entry.into_mut().1),
            Entry::Vacant(entry) => {
                self.len += 1;
                let mut key = key.clone();
                (keys.compact)(&mut key);
                Ok(&mut entry.insert((key, make())).into_mut().1)
            }
        }
    }

    /// Sets the value of `key`; gives the one it had.
    ///
    /// # Errors
    /// Where the key is not of the table's groups.
    pub fn insert(&mut self, hash: u64, key: K, value: V) -> Result<Option<V>, ForeignKey> {
        if let Some(held) = self.get_mut(hash, &key) {
            return Ok(Some(std::mem::replace(held, value)));
        }
        self.get_or_insert_with(hash, key, || value)?;
        Ok(None)
    }

    /// Takes `key` out; gives the value it had.
    pub fn remove(&mut self, hash: u64, key: &K) -> Option<V> {
        self.remove_by(hash, |known, _| known == key)
    }

    pub(super) fn remove_by(&mut self, hash: u64, is_it: impl Fn(&K, &V) -> bool) -> Option<V> {
        let index = self.index_of(hash);
        let group = self.groups.get_mut(index)?.get_mut();
        let entry = group.find_entry(hash, |(key, value)| is_it(key, value)).ok()?;
        self.len -= 1;
        Some(entry.remove().0.1)
    }

    /// Keeps the entries that `keep` is true for.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.len = 0;
        for group in &mut self.groups {
            let group = group.get_mut();
            group.retain(|(key, value)| keep(key, value));
            self.len += group.len();
        }
    }

    /// Gives every entry away, group by group, and leaves the table empty with its memory.
    pub fn drain(&mut self, mut take: impl FnMut(K, V)) {
        self.len = 0;
        for group in &mut self.groups {
            for (key, value) in group.get_mut().drain() {
                take(key, value);
            }
        }
    }
}

impl<K: KeyData, V: StateData> KeyedTable<K, V> {
    /// Freezes the table as a part of a snapshot.
    pub fn freeze_part(&mut self, meta: KeyedMeta) -> KeyedPart {
        let mut frozen = self.freeze();
        KeyedPart::new(meta, self.range, move |group, encoder, out| frozen.take_group(group, encoder, out))
    }

    /// Adds the entries that [`FrozenTable::encode_group`] has written.
    ///
    /// # Errors
    /// Where the bytes are broken, of other types, or of another group than this table's.
    pub fn restore_group(&mut self, group: KeyGroup, bytes: &[u8]) -> Result<(), GroupError> {
        let (hash_of, max, owned) = (self.keys.hash, self.max, self.range);
        read_group(bytes, |decoder, input, entry| {
            let decoded = decoder.decode::<(K, V)>(input);
            let (key, value) = decoded.map_err(|source| GroupError::Decode { entry, source })?;
            let hash = checked_hash(hash_of, &key, group, max)?;
            self.insert(hash, key, value).map_err(|_| ForeignKey { group, owned })?;
            Ok(())
        })
    }
}

/// The hash of a restored key, which must still lie in the group it was kept in.
pub(super) fn checked_hash<K>(
    hash_of: fn(&K) -> u64,
    key: &K,
    group: KeyGroup,
    max: MaxParallelism,
) -> Result<u64, GroupError> {
    let hash = hash_of(key);
    match key_group_of(hash, max) {
        actual if actual == group => Ok(hash),
        actual => Err(GroupError::Misplaced { actual }),
    }
}

/// A table as it was at one moment; it can be read and encoded on any thread.
#[derive(Debug)]
pub struct FrozenTable<K, V> {
    range: KeyGroupRange,
    groups: Vec<Option<Arc<Group<K, V>>>>,
}

impl<K, V> FrozenTable<K, V> {
    fn group(&self, group: KeyGroup) -> Option<&Group<K, V>> {
        self.groups.get(usize::from(group.0.wrapping_sub(self.range.start)))?.as_deref()
    }

    /// The entries of one group.
    pub fn iter_group(&self, group: KeyGroup) -> impl Iterator<Item = (&K, &V)> {
        self.group(group).into_iter().flat_map(|group| group.iter().map(|(key, value)| (key, value)))
    }
}

impl<K: KeyData, V: StateData> FrozenTable<K, V> {
    /// Appends the bytes of one group, as [`KeyedTable::restore_group`] takes them; gives the number of entries.
    ///
    /// # Errors
    /// Where a key or value cannot be written.
    pub fn encode_group(&self, group: KeyGroup, out: &mut Vec<u8>) -> Result<u32, EncodeError> {
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        let entries = self.encode_entries(group, &mut Encoder::new(), out)?;
        out[at..at + 4].copy_from_slice(&entries.to_le_bytes());
        Ok(entries)
    }

    fn encode_entries(
        &self,
        group: KeyGroup,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<u32, EncodeError> {
        let mut entries = 0;
        for entry in self.group(group).into_iter().flatten() {
            encoder.encode(entry, out)?;
            entries += 1;
        }
        Ok(entries)
    }

    /// Encodes a group and lets go of it, so that the operator need not copy it any more.
    fn take_group(
        &mut self,
        group: KeyGroup,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<u32, EncodeError> {
        let entries = self.encode_entries(group, encoder, out)?;
        if let Some(taken) = self.groups.get_mut(usize::from(group.0.wrapping_sub(self.range.start))) {
            *taken = None;
        }
        Ok(entries)
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
