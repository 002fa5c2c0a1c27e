//! Records of one key made one, before they are sent.
//!
//! Answers for sending less where only the last result of each key is wanted. Not for that result, which the operator
//! behind the exchange makes of what its senders made; nor for when to send.
//! Holds: records of one key are merged in the order in which they came; each is in the table once, or was drained.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hashbrown::HashTable;
use millstream_model::error::Result;

use crate::batch::Batch;
use crate::lineage::panic_message;
use crate::state::{KeyData, StateData, detached};

/// Merges records of one key.
pub trait Combine<T> {
    /// Takes all records of a batch; `hashes` has the hash of each one's key.
    ///
    /// # Errors
    /// If the user's function panics.
    fn take(&mut self, batch: &mut Batch<T>, hashes: &[u64]) -> Result<()>;

    /// How many records it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands out all records, each behind the hash of its key, and is empty then.
    fn drain(&mut self) -> Box<dyn Iterator<Item = (u64, T)> + '_>;
}

/// Makes a [`Combine`] for each sender.
pub type MakeCombine<T> = Arc<dyn Fn() -> Box<dyn Combine<T>> + Send + Sync>;

struct Entry<K, T> {
    hash: u64,
    key: K,
    /// Absent only while it is being merged.
    record: Option<T>,
}

/// A table of records by key.
pub struct Combiner<K, T, S, M> {
    table: HashTable<Entry<K, T>>,
    select: Arc<S>,
    merge: Arc<M>,
}

impl<K, T, S, M> Combiner<K, T, S, M>
where
    K: KeyData,
    T: StateData,
    S: Fn(&T) -> K + Send + Sync + 'static,
    M: Fn(T, T) -> T + Send + Sync + 'static,
{
    /// Makes tables for records with the keys that `select` finds; `merge` is given the record that is there and the one
    /// that came.
    pub fn factory(select: Arc<S>, merge: M) -> MakeCombine<T> {
        let merge = Arc::new(merge);
        Arc::new(move || {
            Box::new(Self { table: HashTable::new(), select: Arc::clone(&select), merge: Arc::clone(&merge) })
        })
    }
}

impl<K: KeyData, T: StateData, S: Fn(&T) -> K, M: Fn(T, T) -> T> Combine<T> for Combiner<K, T, S, M> {
    fn take(&mut self, batch: &mut Batch<T>, hashes: &[u64]) -> Result<()> {
        let (table, select, merge) = (&mut self.table, &*self.select, &*self.merge);
        let merged = catch_unwind(AssertUnwindSafe(|| {
            for (record, &hash) in batch.drain().zip(hashes) {
                let key = select(&record);
                match table.find_mut(hash, |entry| entry.hash == hash && entry.key == key) {
                    Some(Entry { record: held, .. }) => {
                        *held = Some(match held.take() {
                            Some(held) => merge(held, record),
                            None => record,
                        });
                    }
                    None => insert(table, hash, key, record),
                }
            }
        }));
        merged.map_err(|panic| {
            let failure = panic_message(&*panic)
                .advice("records of one key were being made one, before they are sent to this operator");
            match batch.position(batch.handed().saturating_sub(1)) {
                Some(position) => failure.at(position),
                None => failure,
            }
        })
    }

    fn len(&self) -> usize {
        self.table.len()
    }

    fn drain(&mut self) -> Box<dyn Iterator<Item = (u64, T)> + '_> {
        Box::new(self.table.drain().filter_map(|entry| Some((entry.hash, entry.record?))))
    }
}

#[cold]
fn insert<K: KeyData, T: StateData>(table: &mut HashTable<Entry<K, T>>, hash: u64, key: K, record: T) {
    let entry = Entry { hash, key: detached(key), record: Some(detached(record)) };
    table.insert_unique(hash, entry, |entry| entry.hash);
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_model::key::hash::hash_of;
    use millstream_model::text::Text;

    fn sum(records: Vec<(Text, u64)>) -> Box<dyn Combine<(Text, u64)>> {
        let select = Arc::new(|record: &(Text, u64)| record.0.clone());
        let mut combine = Combiner::factory(select, |a: (Text, u64), b: (Text, u64)| (a.0, a.1 + b.1))();
        let hashes: Vec<u64> = records.iter().map(|record| hash_of(&record.0)).collect();
        combine.take(&mut Batch::from(records), &hashes).unwrap();
        combine
    }

    #[test]
    fn records_of_one_key_become_one_behind_the_keys_hash() {
        let mut combine = sum(["a", "b", "a"].map(|key| (Text::from(key), 1)).to_vec());
        let mut found: Vec<_> = combine.drain().collect();
        found.sort_by(|a, b| a.1.cmp(&b.1));
        let expected = [("a", 2), ("b", 1)].map(|(key, n)| (hash_of(&Text::from(key)), (Text::from(key), n)));
        assert_eq!(found, expected);
        assert!(combine.is_empty());
    }

    #[test]
    fn what_is_held_keeps_no_read_buffer_alive() {
        let buffer = Text::from("0123456789 ".repeat(10_000));
        let mut combine = sum((0..3).map(|at| (buffer.slice(at..at + 20), 1)).collect());
        assert!(combine.drain().all(|(_, (word, _))| word.pinned_bytes() < 100));
    }

    #[test]
    fn a_panic_of_the_users_function_is_a_failure() {
        let select = Arc::new(|_: &u64| 0u64);
        let mut combine =
            Combiner::factory(select, |_: u64, b: u64| if b > 1 { panic!("too much") } else { b })();
        let failure = combine.take(&mut Batch::from(vec![1, 1, 2]), &[0, 0, 0]).unwrap_err();
        assert!(failure.to_string().contains("too much"), "{failure}");
    }
}
