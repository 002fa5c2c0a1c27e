//! Keys numbered in the order in which they are first met.
//!
//! A table of ours instead of a dictionary, because a dictionary larger than the caches costs four misses for each
//! record (index, entry, key, value): here the keys lie one behind the other, those that are met first, which are the
//! frequent ones, beside one another.
//!
//! Answers for text and for numbers of 64 bits. Not for keys of other types, nor for what is kept for a key: the caller
//! has that in an array, at the key's number.
//! Holds: a key keeps its number; the numbers are 0, 1, 2, ...

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use millstream_model::key::hash::hash_of;

/// There are as many keys as numbers of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Numbered runs of bytes.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    numbers: HashTable<u32>,
    keys: Keys,
}

/// Runs of bytes, one behind the other.
#[derive(Debug, Default)]
struct Keys {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Keys {
    #[inline]
    fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[number]]
    }
}

impl Texts {
    /// The number of a key.
    #[inline]
    pub(crate) fn number(&mut self, key: &[u8]) -> Result<usize, Full> {
        let keys = &mut self.keys;
        let entry = self.numbers.entry(
            hash_of(key),
            |&number| keys.get(number) == key,
            |&number| hash_of(keys.get(number)),
        );
        match entry {
            Entry::Occupied(entry) => Ok(*entry.get() as usize),
            Entry::Vacant(entry) => {
                let number = u32::try_from(keys.ends.len()).map_err(|_| Full)?;
                entry.insert(number);
                keys.bytes.extend_from_slice(key);
                keys.ends.push(keys.bytes.len());
                Ok(number as usize)
            }
        }
    }

    /// The key of a number; nothing if no key has it.
    pub(crate) fn key(&self, number: usize) -> &[u8] {
        match u32::try_from(number) {
            Ok(number) if (number as usize) < self.len() => self.keys.get(number),
            _ => &[],
        }
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.ends.len()
    }
}

/// Numbered integers.
#[derive(Debug, Default)]
pub(crate) struct Ints {
    numbers: HashTable<(i64, u32)>,
    keys: Vec<i64>,
}

impl Ints {
    /// The number of a key.
    #[inline]
    pub(crate) fn number(&mut self, key: i64) -> Result<usize, Full> {
        match self.numbers.entry(hash_of(&key), |&(other, _)| other == key, |(other, _)| hash_of(other)) {
            Entry::Occupied(entry) => Ok(entry.get().1 as usize),
            Entry::Vacant(entry) => {
                let number = u32::try_from(self.keys.len()).map_err(|_| Full)?;
                entry.insert((key, number));
                self.keys.push(key);
                Ok(number as usize)
            }
        }
    }

    /// The key of a number; 0 if no key has it.
    pub(crate) fn key(&self, number: usize) -> i64 {
        self.keys.get(number).copied().unwrap_or(0)
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}
