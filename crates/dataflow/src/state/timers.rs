//! Timers: keys that want to be heard of again at a time.
//!
//! Answers for registering, deleting and firing in the order of time, and for what a snapshot keeps of it. Not for the
//! clock nor the watermark, which the caller has.
//! Holds: a key has at most one timer per time, however often it asks; timers of one time fire together, earlier ones
//! first, and the order among keys of one time is unspecified.
//!
//! Timers of one time lie in one bucket. Most programs have few times with many keys (window ends), whose buckets are
//! shared with a snapshot rather than copied; a time with one key has no table of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use millstream_model::key::{KeyGroup, KeyGroupRange, MaxParallelism, key_group_of};

use super::KeyData;
use super::encoding::{EncodeError, Encoder};
use super::share::Shareable;
use super::snapshot::{KeyedMeta, KeyedPart, StateKind};

type Keys<K> = HashTable<(u64, K)>;

/// The keys of one time.
#[derive(Debug)]
enum Bucket<K> {
    One(u64, K),
    Many(Shareable<Keys<K>>),
}

/// The timers of one kind of time, for the keys of one subtask.
///
/// ```
/// use millstream_dataflow::state::timers::Timers;
/// let mut timers = Timers::new();
/// assert!(timers.register(2_000, 7, &"MIA"));
/// assert!(!timers.register(2_000, 7, &"MIA"));
/// timers.register(1_000, 7, &"MIA");
/// assert_eq!(timers.next_due(), Some(1_000));
/// assert_eq!(timers.pop_due(2_500), Some((1_000, vec![(7, "MIA")])));
/// assert_eq!(timers.pop_due(2_500), Some((2_000, vec![(7, "MIA")])));
/// assert_eq!(timers.pop_due(2_500), None);
/// ```
#[derive(Debug)]
pub struct Timers<K> {
    buckets: BTreeMap<i64, Bucket<K>>,
    len: usize,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { buckets: BTreeMap::new(), len: 0 }
    }
}

impl<K> Timers<K> {
    /// No timers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many timers are waiting.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The earliest time a timer waits for, in milliseconds since 1970.
    pub fn next_due(&self) -> Option<i64> {
        self.buckets.keys().next().copied()
    }
}

impl<K: Eq + Clone> Timers<K> {
    /// Registers a timer at `time` for `key`, whose hash is `hash`; false where the key has one at that time already.
    pub fn register(&mut self, time: i64, hash: u64, key: &K) -> bool {
        let Some(bucket) = self.buckets.get_mut(&time) else {
            self.buckets.insert(time, Bucket::One(hash, key.clone()));
            self.len += 1;
            return true;
        };
        if let Bucket::One(only_hash, only) = bucket {
            if *only_hash == hash && only == key {
                return false;
            }
            let mut keys = Keys::with_capacity(4);
            keys.insert_unique(*only_hash, (*only_hash, only.clone()), |(hash, _)| *hash);
            *bucket = Bucket::Many(Shareable::Owned(keys));
        }
        if let Bucket::Many(keys) = bucket {
            let entry = keys.get_mut().entry(hash, |(_, known)| known == key, |(hash, _)| *hash);
            let Entry::Vacant(entry) = entry else { return false };
            entry.insert((hash, key.clone()));
        }
        self.len += 1;
        true
    }

    /// Deletes the timer of `key` at `time`; false where it has none.
    pub fn delete(&mut self, time: i64, hash: u64, key: &K) -> bool {
        let emptied = match self.buckets.get_mut(&time) {
            None => return false,
            Some(Bucket::One(only_hash, only)) if *only_hash == hash && only == key => true,
            Some(Bucket::One(..)) => return false,
            Some(Bucket::Many(keys)) => {
                let keys = keys.get_mut();
                let Ok(entry) = keys.find_entry(hash, |(_, known)| known == key) else { return false };
                entry.remove();
                keys.is_empty()
            }
        };
        if emptied {
            self.buckets.remove(&time);
        }
        self.len -= 1;
        true
    }

    /// Takes the timers of the earliest time out, where that is at most `up_to`: the time, and hash and key of each.
    pub fn pop_due(&mut self, up_to: i64) -> Option<(i64, Vec<(u64, K)>)> {
        let first = self.buckets.first_entry().filter(|first| *first.key() <= up_to)?;
        let (time, bucket) = first.remove_entry();
        let keys = match bucket {
            Bucket::One(hash, key) => vec![(hash, key)],
            Bucket::Many(Shareable::Owned(keys)) => keys.into_iter().collect(),
            Bucket::Many(Shareable::Shared(keys)) => match Arc::try_unwrap(keys) {
                Ok(keys) => keys.into_iter().collect(),
                Err(shared) => shared.iter().cloned().collect(),
            },
        };
        self.len -= keys.len();
        Some((time, keys))
    }

    /// Freezes the timers; copied are only those that are alone at their time.
    pub fn freeze(&mut self) -> FrozenTimers<K> {
        let mut frozen = FrozenTimers { single: Vec::new(), shared: Vec::new() };
        for (time, bucket) in &mut self.buckets {
            match bucket {
                Bucket::One(hash, key) => frozen.single.push((*time, *hash, key.clone())),
                Bucket::Many(keys) => frozen.shared.push((*time, keys.share())),
            }
        }
        frozen
    }
}

/// Timers as they were at one moment.
#[derive(Debug)]
pub struct FrozenTimers<K> {
    single: Vec<(i64, u64, K)>,
    shared: Vec<(i64, Arc<Keys<K>>)>,
}

impl<K> FrozenTimers<K> {
    /// Adds timers that have been taken out but have not fired.
    pub(super) fn add(&mut self, time: i64, keys: impl IntoIterator<Item = (u64, K)>) {
        self.single.extend(keys.into_iter().map(|(hash, key)| (time, hash, key)));
    }
}

impl<K: KeyData> FrozenTimers<K> {
    /// The timers as a part of a snapshot: an entry is a time and a key.
    pub fn into_part(self, meta: KeyedMeta, range: KeyGroupRange, max: MaxParallelism) -> KeyedPart {
        // Sorting by group is done where the part is encoded, not where it is frozen.
        let mut frozen = Some(self);
        let mut groups: BTreeMap<u16, Vec<(i64, K)>> = BTreeMap::new();
        let encode = move |group: KeyGroup, encoder: &mut Encoder, out: &mut Vec<u8>| {
            if let Some(timers) = frozen.take() {
                for (time, hash, key) in timers.single {
                    groups.entry(key_group_of(hash, max).0).or_default().push((time, key));
                }
                for (time, keys) in timers.shared {
                    for (hash, key) in keys.iter() {
                        groups.entry(key_group_of(*hash, max).0).or_default().push((time, key.clone()));
                    }
                }
            }
            let timers = groups.remove(&group.0).unwrap_or_default();
            for timer in &timers {
                encoder.encode(timer, out)?;
            }
            Ok::<u32, EncodeError>(timers.len() as u32)
        };
        KeyedPart::new(meta, range, encode)
    }
}

/// What the timers of a key type are called in a snapshot.
pub(super) fn timers_meta<K>(kind: StateKind) -> KeyedMeta {
    let name =
        if kind == StateKind::ProcessingTimers { "processing-time timers" } else { "event-time timers" };
    KeyedMeta::new::<K, i64>(name, kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Register(i64, u8),
        Delete(i64, u8),
        Fire(i64),
        Freeze,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0i64..8, 0u8..5).prop_map(|(time, key)| Step::Register(time, key)),
            3 => (0i64..8, 0u8..5).prop_map(|(time, key)| Step::Delete(time, key)),
            1 => (0i64..8).prop_map(Step::Fire),
            1 => Just(Step::Freeze),
        ];
        prop::collection::vec(step, 0..100)
    }

    proptest! {
        #[test]
        fn timers_behave_as_a_sorted_set_and_freezing_changes_nothing(steps in steps()) {
            let (mut timers, mut model) = (Timers::new(), BTreeSet::new());
            let mut frozen = None;
            for step in steps {
                match step {
                    Step::Register(time, key) => {
                        prop_assert_eq!(timers.register(time, key.into(), &key), model.insert((time, key)));
                    }
                    Step::Delete(time, key) => {
                        prop_assert_eq!(timers.delete(time, key.into(), &key), model.remove(&(time, key)));
                    }
                    Step::Fire(up_to) => {
                        let mut fired = BTreeSet::new();
                        let mut last = i64::MIN;
                        while let Some((time, keys)) = timers.pop_due(up_to) {
                            prop_assert!(time > last && time <= up_to);
                            last = time;
                            fired.extend(keys.into_iter().map(|(_, key)| (time, key)));
                        }
                        let waiting = model.split_off(&(up_to + 1, 0));
                        prop_assert_eq!(fired, std::mem::replace(&mut model, waiting));
                    }
                    Step::Freeze => frozen = Some((timers.freeze(), model.clone())),
                }
                prop_assert_eq!(timers.len(), model.len());
                prop_assert_eq!(timers.next_due(), model.first().map(|(time, _)| *time));
            }
            if let Some((frozen, model)) = frozen {
                let many = frozen.shared.iter().flat_map(|(time, keys)| keys.iter().map(|(_, key)| (*time, *key)));
                let seen: BTreeSet<_> = frozen.single.iter().map(|(t, _, key)| (*t, *key)).chain(many).collect();
                prop_assert_eq!(seen, model);
            }
        }
    }
}
