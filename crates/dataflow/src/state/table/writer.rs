//! Changing a table in a loop over records.
//!
//! Answers for what stands between two lookups of such a loop: as little as possible, for the processor has the more of
//! them under way at once. What is needed for a new key, or while a snapshot holds the group, is a call out of the loop.

use millstream_model::key::{KeyGroup, MaxParallelism, key_group_of};

use super::Upkeep;
use super::group::Group;

/// A hand on a table for a loop over records, from [`super::KeyedTable::writer`].
#[derive(Debug)]
pub struct TableWriter<'a, K, V> {
    pub(super) start: u64,
    pub(super) max: MaxParallelism,
    pub(super) groups: &'a mut [Group<K, V>],
    pub(super) upkeep: &'a mut Upkeep<K>,
}

impl<K: Eq + Clone, V: Clone> TableWriter<'_, K, V> {
    /// Gives `change` the key, its value and `with`; where the key is new, `make` gets the key and `with` and gives the
    /// value to keep. Gives what either returned. The value of a key that is not of the table's groups is not kept, see
    /// [`super::KeyedTable::check`].
    ///
    /// ```
    /// # use millstream_dataflow::state::{KeyFunctions, table::KeyedTable};
    /// # let max = millstream_model::key::MaxParallelism::default();
    /// # let mut sums = KeyedTable::new(max.all(), max, KeyFunctions::new(|key: &u64| *key));
    /// let add = |_: u64, sum: &mut u64, n: u64| {
    ///     *sum += n;
    ///     *sum
    /// };
    /// let mut writer = sums.writer();
    /// assert_eq!(writer.change_or_insert(9, 9, 20, &add, &|_, n| (n, n)), 20);
    /// assert_eq!(writer.change_or_insert(9, 9, 5, &add, &|_, n| (n, n)), 25);
    /// assert_eq!(sums.check(), Ok(()));
    /// ```
    #[inline]
    pub fn change_or_insert<A, R>(
        &mut self,
        hash: u64,
        key: K,
        with: A,
        change: &impl Fn(K, &mut V, A) -> R,
        make: &impl Fn(&K, A) -> (V, R),
    ) -> R {
        let KeyGroup(group) = key_group_of(hash, self.max);
        // A group before the first is none of the table's either.
        let index = u64::from(group).wrapping_sub(self.start) as usize;
        if let Some(Group::Owned(entries)) = self.groups.get_mut(index)
            && let Some((_, value)) = entries.find_mut(hash, |(known, _)| *known == key)
        {
            return change(key, value, with);
        }
        match self.groups.get_mut(index) {
            Some(group) => self.upkeep.change_lent_or_insert(group, hash, key, with, change, make),
            None => self.upkeep.refuse(KeyGroup(group), &key, with, make),
        }
    }
}

impl<K: Eq + Clone> Upkeep<K> {
    #[cold]
    #[inline(never)]
    fn change_lent_or_insert<V: Clone, A, R>(
        &mut self,
        group: &mut Group<K, V>,
        hash: u64,
        key: K,
        with: A,
        change: &impl Fn(K, &mut V, A) -> R,
        make: &impl Fn(&K, A) -> (V, R),
    ) -> R {
        if group.is_lent() {
            group.settle(&mut self.ration, self.keys);
            if let Some(value) = group.find_mut(hash, &key, self.keys) {
                return change(key, value, with);
            }
        }
        let (value, result) = make(&key, with);
        group.insert_new(hash, key, value, self.keys);
        self.len += 1;
        result
    }

    #[cold]
    #[inline(never)]
    fn refuse<V, A, R>(&mut self, group: KeyGroup, key: &K, with: A, make: &impl Fn(&K, A) -> (V, R)) -> R {
        self.misplaced = Some(group);
        make(key, with).1
    }
}
