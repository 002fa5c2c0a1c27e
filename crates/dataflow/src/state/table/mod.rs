//! One value per key, by key group: the state of keyed aggregates and the index of a keyed store.
//!
//! Answers for finding, changing, freezing and restoring. Not for hashing: whoever routes records has hashed already.
//! Holds: every key lies in the group that its hash names, and only groups of the table's range are held; a frozen
//! table shows the moment it was frozen at, whatever happens later; nothing is allocated for a key that is there.

mod frozen;
mod group;
mod prefetch;
mod writer;

pub use frozen::FrozenTable;
pub use writer::TableWriter;

use millstream_model::key::{KeyGroup, KeyGroupRange, MaxParallelism, key_group_of};

use self::group::{Group, Ration};
use super::error::{ForeignKey, GroupError};
use super::snapshot::{KeyedMeta, KeyedPart, announced, read_group};
use super::{KeyData, KeyFunctions, StateData};

/// The bytes of entries up to which they lie near enough, counted without what the tables leave free.
const CACHE: usize = 2 << 20;

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
///     *counts.get_or_insert_ref(hash(&key), &key, || 0u64).unwrap() += 1;
/// }
/// assert_eq!(counts.get(hash(&3), &3), Some(&2));
/// ```
#[derive(Debug)]
pub struct KeyedTable<K, V> {
    range: KeyGroupRange,
    max: MaxParallelism,
    groups: Vec<Group<K, V>>,
    upkeep: Upkeep<K>,
}

/// What a table keeps beside its entries.
#[derive(Debug)]
struct Upkeep<K> {
    keys: KeyFunctions<K>,
    len: usize,
    ration: Ration,
    /// The group of a key that came here and is another subtask's.
    misplaced: Option<KeyGroup>,
}

impl<K, V> KeyedTable<K, V> {
    /// An empty table for the groups `range` out of `max`.
    pub fn new(range: KeyGroupRange, max: MaxParallelism, keys: KeyFunctions<K>) -> Self {
        let groups = range.iter().map(|_| Group::default()).collect();
        let upkeep = Upkeep { keys, len: 0, ration: Ration::default(), misplaced: None };
        Self { range, max, groups, upkeep }
    }

    /// The groups the table holds.
    pub fn range(&self) -> KeyGroupRange {
        self.range
    }

    /// How the keys are hashed and kept.
    pub fn key_functions(&self) -> KeyFunctions<K> {
        self.upkeep.keys
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.upkeep.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.upkeep.len == 0
    }

    #[inline]
    fn index_of(&self, hash: u64) -> usize {
        usize::from(key_group_of(hash, self.max).0.wrapping_sub(self.range.start))
    }

    #[cold]
    fn foreign(&self, hash: u64) -> ForeignKey {
        ForeignKey { group: key_group_of(hash, self.max), owned: self.range }
    }
}

impl<K: Eq, V> KeyedTable<K, V> {
    /// The entries of one group, in no particular order; none where the group is not the table's.
    pub fn iter_group(&self, group: KeyGroup) -> impl Iterator<Item = (&K, &V)> {
        let index = usize::from(group.0.wrapping_sub(self.range.start));
        self.groups.get(index).into_iter().flat_map(|group| group.iter(self.upkeep.keys))
    }

    /// All entries, group by group.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.groups.iter().flat_map(|group| group.iter(self.upkeep.keys))
    }

    /// The value of `key`.
    #[inline]
    pub fn get(&self, hash: u64, key: &K) -> Option<&V> {
        self.groups.get(self.index_of(hash))?.find(hash, key)
    }

    /// Whether there is more of it than a processor's second-level cache is likely to hold, so that it pays to
    /// [`KeyedTable::prefetch`].
    pub fn outgrows_cache(&self) -> bool {
        self.len() * size_of::<(K, V)>() > CACHE
    }

    /// Asks the processor for the entry that a key of this hash is likely to have.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Some(Group::Owned(entries)) = self.groups.get(self.index_of(hash))
            && let Some(entry) = entries.find(hash, |_| true)
        {
            prefetch::prefetch(entry);
        }
    }

    /// The entry of this hash that `is_it` is true for.
    pub(super) fn find_by(&self, hash: u64, is_it: impl Fn(&K, &V) -> bool) -> Option<(&K, &V)> {
        self.groups.get(self.index_of(hash))?.find_by(hash, is_it)
    }
}

impl<K: Eq + Clone, V: Clone> KeyedTable<K, V> {
    /// Freezes the table: cheap, whatever its size. The groups are lent to what is returned; while it holds one, changes
    /// to that group are kept beside it, until its turn to be copied comes. No record waits for more than one group.
    pub fn freeze(&mut self) -> FrozenTable<K, V> {
        let keys = self.upkeep.keys;
        FrozenTable {
            range: self.range,
            groups: self.groups.iter_mut().map(|group| Some(group.lend(keys))).collect(),
        }
    }

    /// The group of this hash, ready to be changed; none where it is not the table's.
    #[inline]
    fn group_mut(&mut self, hash: u64) -> Option<&mut Group<K, V>> {
        let index = self.index_of(hash);
        let group = self.groups.get_mut(index)?;
        if group.is_lent() {
            group.settle(&mut self.upkeep.ration, self.upkeep.keys);
        }
        Some(group)
    }

    /// The value of `key`, to be changed.
    #[inline]
    pub fn get_mut(&mut self, hash: u64, key: &K) -> Option<&mut V> {
        let keys = self.upkeep.keys;
        self.group_mut(hash)?.find_mut(hash, key, keys)
    }

    /// The value of `key`, made by `make` where the key is new; only then the key is cloned.
    ///
    /// # Errors
    /// Where the key is not of the table's groups.
    #[inline]
    pub fn get_or_insert_ref(
        &mut self,
        hash: u64,
        key: &K,
        make: impl FnOnce() -> V,
    ) -> Result<&mut V, ForeignKey> {
        let index = self.index_of(hash);
        if index >= self.groups.len() {
            return Err(self.foreign(hash));
        }
        let group = &mut self.groups[index];
        if group.is_lent() {
            group.settle(&mut self.upkeep.ration, self.upkeep.keys);
        }
        let len = &mut self.upkeep.len;
        let make = || {
            *len += 1;
            make()
        };
        Ok(group.find_or_insert(hash, key, make, self.upkeep.keys))
    }

    /// A hand on the table for a loop over records.
    #[inline]
    pub fn writer(&mut self) -> TableWriter<'_, K, V> {
        TableWriter {
            start: u64::from(self.range.start),
            max: self.max,
            groups: &mut self.groups,
            upkeep: &mut self.upkeep,
        }
    }

    /// Whether all keys given to [`TableWriter::change_or_insert`] since this was last asked were of the table's groups;
    /// to be asked once per batch.
    ///
    /// # Errors
    /// Where one was not. Its value is lost, so the job must fail.
    pub fn check(&mut self) -> Result<(), ForeignKey> {
        match self.upkeep.misplaced.take() {
            Some(group) => Err(ForeignKey { group, owned: self.range }),
            None => Ok(()),
        }
    }

    /// Sets the value of `key`; gives the one it had.
    ///
    /// # Errors
    /// Where the key is not of the table's groups.
    pub fn insert(&mut self, hash: u64, key: K, value: V) -> Result<Option<V>, ForeignKey> {
        let replace = |_, held: &mut V, value| Some(std::mem::replace(held, value));
        let replaced = self.writer().change_or_insert(hash, key, value, &replace, &|_, value| (value, None));
        self.check().map(|()| replaced)
    }

    /// Takes `key` out; gives the value it had.
    pub fn remove(&mut self, hash: u64, key: &K) -> Option<V> {
        self.remove_by(hash, |known, _| known == key)
    }

    pub(super) fn remove_by(&mut self, hash: u64, is_it: impl Fn(&K, &V) -> bool) -> Option<V> {
        let keys = self.upkeep.keys;
        let removed = self.group_mut(hash)?.remove_by(hash, is_it, keys)?;
        self.upkeep.len -= 1;
        Some(removed)
    }

    /// Keeps the entries that `keep` is true for.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.upkeep.len = 0;
        for group in &mut self.groups {
            let entries = group.own(self.upkeep.keys);
            entries.retain(|(key, value)| keep(key, value));
            self.upkeep.len += entries.len();
        }
    }

    /// Gives every entry away, group by group, and leaves the table empty with its memory.
    pub fn drain(&mut self, mut take: impl FnMut(K, V)) {
        self.upkeep.len = 0;
        for group in &mut self.groups {
            for (key, value) in group.own(self.upkeep.keys).drain() {
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
        let (hash_of, max, owned) = (self.upkeep.keys.hash, self.max, self.range);
        if let Some(entries) = self.groups.get_mut(usize::from(group.0.wrapping_sub(owned.start))) {
            // At once, so that nothing moves while it grows.
            entries.reserve(announced(bytes), self.upkeep.keys);
        }
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

#[cfg(test)]
mod tests;
